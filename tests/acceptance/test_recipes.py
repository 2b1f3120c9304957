"""The recipes of docs/environments.md, each on a small project of its kind, from the first commands to base."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git, make_repository

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"
PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "rates"
version = "1.0"
requires-python = ">=3.11"

[project.optional-dependencies]
test = ["pytest"]

[dependency-groups]
dev = ["pytest"]

[tool.setuptools.packages.find]
where = ["src"]
"""
PACKAGE = {
    "pyproject.toml": PYPROJECT,
    "requirements.lock": "pytest\n",
    "src/rates/__init__.py": "def rate(cart):\n    return 1\n",
    "tests/test_rates.py": "from pathlib import Path\n\nimport rates\n\n\ndef test_rate():\n"
    "    assert rates.rate('x') == 1\n\n\ndef test_that_it_is_the_code_of_this_checkout():\n"
    "    assert Path(rates.__file__).is_relative_to(Path.cwd())\n",
    ".gitignore": ".venv/\n*.egg-info/\n",
}
SHELF = {
    "package.json": json.dumps({"name": "web", "version": "1.0.0", "scripts": {"test": "node test.js"}}),
    "index.js": "module.exports = (n) => n;\n",
    "test.js": "if (require('.')(1) < 1) process.exit(1);\n",
    ".gitignore": "node_modules/\n",
}
AGENT = """\
cd "${FOLDER:-.}"
case $PLAIT_TASK in
TWICE|PRICES) sed -i.old s/1/2/ src/rates/__init__.py
      sed -i.old 's/== 1/== 2/' tests/test_rates.py
      rm ./*/*.old ./*/*/*.old ;;
TOLD) printf 'from rates import rate\\n\\nassert rate("x") == 2\\n' > src/rates/told.py
      printf 'def test_told():\\n    import rates.told\\n' > tests/test_told.py ;;
PAGE) echo 'module.exports = (n) => n * 3;' > index.js ;;
esac
"""
ROLE = {"slots": 2, "backend": "command", "command": ["sh", "agent.sh"]}


def recipes(part: str) -> list[dict[str, Any]]:
    """The plans below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {part}\n", 1)[1].split("\n## ", 1)[0]
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


@pytest.fixture(scope="module")
def with_uv(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A PATH on which uv is, installed if need be."""
    if shutil.which("uv"):
        return {}
    place = tmp_path_factory.mktemp("uv")
    install = f"'{sys.executable}' -m venv '{place}' && '{place}/bin/python' -m pip install -q uv"
    if subprocess.run(["sh", "-c", install], capture_output=True, check=False, timeout=200).returncode:
        pytest.skip("uv cannot be installed")
    return {"PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}"}


def carried_out(
    repository: Path, plan: dict[str, Any], write_plan: WritePlan, variables: Mapping[str, str]
) -> dict[str, str]:
    """The plan from its first check to base; what base has then."""
    place = str(write_plan(json.dumps({"feature": "rates", "goal": "Rates are doubled, and told.", **plan})))
    for command in ("check", "doctor", "forecast"):
        ended = plait(command, place, cwd=repository, env=variables)
        assert ended.status == 0, (command, ended.stdout, ended.stderr)
    ended = plait("run", place, "--json", cwd=repository, env=variables)
    assert ended.status == 0, ended.stderr
    assert {(task["state"], task["tries"]) for task in ended.data["tasks"]} == {("landed", 1)}
    git(repository, "switch", "--quiet", "--detach")
    ended = plait("land", "rates", cwd=repository, env=variables)
    assert ended.status == 0, ended.stderr
    assert "nothing to do" in plait("run", place, cwd=repository, env=variables).stdout
    return files_of(repository, "main")


@pytest.mark.parametrize("number", range(3), ids=["editable", "uv", "not-editable"])
def test_a_python_package_goes_from_the_first_check_to_base_by_the_pages_recipe(
    tmp_path: Path, write_plan: WritePlan, with_uv: Mapping[str, str], number: int
) -> None:
    repository = make_repository(tmp_path / "rates", {**PACKAGE, "agent.sh": AGENT})
    recipe = recipes("Python")[number]
    check = recipe["integration"]["verify"]
    if "uv" in check[0]:
        subprocess.run(["uv", "lock", "-q"], cwd=repository, env={**os.environ, **with_uv}, check=True, timeout=100)
        commit_files(repository, {})
    common = {"role": "dev", "duration": "5m", "verify": check}
    twice = {"id": "TWICE", "prompt": "Double the rate of a cart.", "owns": ["src/rates/__init__.py", "tests/**"]}
    told = {"id": "TOLD", "prompt": "Tell of the rate.", "owns": ["src/rates/told.py", "tests/**"], "needs": ["TWICE"]}
    plan = {**recipe, "crew": {**recipe["crew"], "dev": ROLE}, "tasks": [twice | common, told | common]}

    landed = carried_out(repository, plan, write_plan, with_uv)

    assert "return 2" in landed["src/rates/__init__.py"]
    assert "src/rates/told.py" in landed
    assert not [path for path in landed if "egg-info" in path or "__pycache__" in path or path.startswith(".venv")]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_monorepo_goes_from_the_first_check_to_base_by_the_pages_recipe(
    tmp_path: Path, write_plan: WritePlan, with_uv: Mapping[str, str]
) -> None:
    parts = {"api": PACKAGE, "web": SHELF}
    files = {f"{part}/{name}": text for part, texts in parts.items() for name, text in texts.items()}
    repository = make_repository(tmp_path / "shop", {**files, "agent.sh": AGENT})
    locks = "cd api && uv lock -q && cd ../web && npm install --package-lock-only --offline --silent --no-audit"
    subprocess.run(["sh", "-ec", locks], cwd=repository, env={**os.environ, **with_uv}, check=True, timeout=200)
    commit_files(repository, {})
    plan = recipes("A monorepo")[0]
    for part in parts:
        plan["crew"][part] |= {"command": ["sh", "agent.sh"], "environment": {"FOLDER": part}}

    landed = carried_out(repository, plan, write_plan, with_uv)

    assert "return 2" in landed["api/src/rates/__init__.py"]
    assert "n * 3" in landed["web/index.js"]
    assert not [path for path in landed if "node_modules" in path or ".venv" in path]
