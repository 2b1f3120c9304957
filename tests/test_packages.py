"""The packages as they are installed: their list is that of the folders, and nothing of ours has a global name."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def folders() -> set[str]:
    """Every folder with modules, by the name that it is imported by."""
    found = {"plait.flows.examples"}
    for name, place in SETTINGS["package-dir"].items():
        for module in (ROOT / place).rglob("__init__.py") if name != "plait.flows.examples" else ():
            inside = module.parent.relative_to(ROOT / place).parts
            found.add(".".join((name, *inside)))
    return found


def test_every_folder_with_modules_is_in_the_list_of_packages_and_nothing_else_is() -> None:
    assert set(SETTINGS["packages"]) == folders()


def test_a_folder_below_a_package_that_has_modules_is_a_package_itself() -> None:
    for place in ("plait", "flows", "agent_tasks", "blocks"):
        for module in (ROOT / place).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_the_folders_are_imported_below_plait_and_not_under_a_name_of_their_own(tmp_path: Path) -> None:
    code = (
        "import importlib.util as util, plait.flows.runs, plait.blocks, plait.agent_tasks.errors\n"
        "print(*(name for name in ('flows', 'blocks', 'agent_tasks', 'examples') if util.find_spec(name)))"
    )
    argv = [sys.executable, "-I", "-c", code]
    done = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
