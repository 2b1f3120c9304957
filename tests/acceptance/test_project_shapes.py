"""Projects as people have them, from the first check to landed: a Python package with `src/`, and a Node workspace."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, make_repository

pytestmark = pytest.mark.slow

PACKAGE = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "rates"
version = "1.0"

[tool.setuptools.packages.find]
where = ["src"]
""",
    "src/rates/__init__.py": "def rate(cart):\n    return 1\n",
    "tests/test_rates.py": "import unittest\nfrom rates import rate\n\n\nclass Rates(unittest.TestCase):\n"
    "    def test_rate(self):\n        self.assertEqual(rate('x'), 1)\n",
    ".gitignore": ".venv/\n",
}
"""No rule names what an editable install writes below `src/`."""

PYTHON_PLAN = """
    feature: rates
    goal: The rate of a cart is doubled, and told.
    crew:
      setup: [python3 -m venv .venv, .venv/bin/python -m pip install --quiet --editable .]
      setup_inputs: [pyproject.toml]
      dev: {slots: 2, backend: command, command: [sh, agent.sh]}
    tasks:
      - {id: TWICE, role: dev, prompt: Double the rate., owns: [src/rates/__init__.py, tests/**], duration: 5m,
         verify: [.venv/bin/python -m unittest discover tests]}
      - {id: TOLD, role: dev, prompt: Tell of the rate., owns: [src/rates/told.py], needs: [TWICE], duration: 5m,
         verify: [".venv/bin/python -c 'import rates.told'"]}
    integration: {verify: [.venv/bin/python -m unittest discover tests]}
"""
PYTHON_AGENT = """
case $PLAIT_TASK in
TWICE) sed -i s/1/2/ src/rates/__init__.py; sed -i 's/, 1)/, 2)/' tests/test_rates.py ;;
TOLD) printf 'from rates import rate\\n\\nassert rate("x") == 2\\n' > src/rates/told.py ;;
esac
.venv/bin/python -m unittest discover tests
"""


def test_a_python_package_that_is_installed_editable_lands(tmp_path: Path, write_plan: WritePlan) -> None:
    repository = make_repository(tmp_path / "rates", {**PACKAGE, "agent.sh": PYTHON_AGENT})
    plan = str(write_plan(PYTHON_PLAN))
    assert plait("check", plan, cwd=repository).status == 0

    ended = plait("run", plan, "--json", cwd=repository)

    assert ended.status == 0, ended.stderr
    assert {task["id"]: (task["state"], task["tries"]) for task in ended.data["tasks"]} == {
        "TWICE": ("landed", 1),
        "TOLD": ("landed", 1),
    }
    landed = files_of(repository, "feature/rates/integration")
    assert "return 2" in landed["src/rates/__init__.py"]
    assert not [path for path in landed if "egg-info" in path or "__pycache__" in path]
    again = plait("run", plan, cwd=repository)
    assert "nothing to do" in again.stdout


NODE_AGENT = """
case $PLAIT_TASK in
PRICE) echo 'module.exports = (n) => n * 3;' > packages/price/index.js ;;
CART) echo "module.exports = (n) => require('@shop/price')(n) + 1;" > packages/cart/index.js ;;
esac
npm test --silent --workspaces
"""
NODE_PLAN = """
    feature: prices
    goal: A cart costs what its price is, and one more.
    crew:
      setup: [npm ci --silent --offline --no-audit --no-fund]
      setup_inputs: [package-lock.json]
      dev: {slots: 2, backend: command, command: [sh, agent.sh]}
    tasks:
      - {id: PRICE, role: dev, prompt: The price is three times n., owns: [packages/price/**], duration: 5m,
         verify: [npm test --silent -w @shop/price]}
      - {id: CART, role: dev, prompt: The cart asks the price., owns: [packages/cart/**], duration: 5m,
         verify: [npm test --silent -w @shop/cart]}
    integration: {verify: [npm test --silent --workspaces]}
"""


def node_workspace(place: Path) -> Path:
    """Two packages of which one needs the other, with the lock file that npm writes."""
    test = {"test": "node test.js"}
    files = {
        "package.json": json.dumps({"name": "shop", "private": True, "workspaces": ["packages/*"]}),
        "packages/price/package.json": json.dumps({"name": "@shop/price", "version": "1.0.0", "scripts": test}),
        "packages/price/index.js": "module.exports = (n) => n;\n",
        "packages/price/test.js": "if (require('.')(1) < 1) process.exit(1);\n",
        "packages/cart/package.json": json.dumps(
            {"name": "@shop/cart", "version": "1.0.0", "scripts": test, "dependencies": {"@shop/price": "^1.0.0"}}
        ),
        "packages/cart/index.js": "module.exports = (n) => n;\n",
        "packages/cart/test.js": "require('@shop/price'); if (require('.')(1) < 1) process.exit(1);\n",
        ".gitignore": "node_modules/\n",
        "agent.sh": NODE_AGENT,
    }
    repository = make_repository(place, files)
    lock = ["npm", "install", "--package-lock-only", "--offline", "--silent", "--no-audit"]
    subprocess.run(lock, cwd=repository, check=True, timeout=120)
    commit_files(repository, {})
    return repository


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_node_workspace_with_a_lock_file_lands(tmp_path: Path, write_plan: WritePlan) -> None:
    repository = node_workspace(tmp_path / "shop")
    plan = str(write_plan(NODE_PLAN))
    assert plait("check", plan, cwd=repository).status == 0

    ended = plait("run", plan, "--json", cwd=repository)

    assert ended.status == 0, ended.stderr
    assert {task["id"]: (task["state"], task["tries"]) for task in ended.data["tasks"]} == {
        "PRICE": ("landed", 1),
        "CART": ("landed", 1),
    }
    landed = files_of(repository, "feature/prices/integration")
    assert "n * 3" in landed["packages/price/index.js"]
    assert not [path for path in landed if path.startswith("node_modules/")]
