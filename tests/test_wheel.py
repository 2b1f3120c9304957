"""The wheel as a user installs it, in an environment without this repository: names, data files, the command."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "plait", "flows", "agent_tasks", "blocks", "examples")
pytestmark = pytest.mark.slow


def run(*argv: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a builder leaves its own folders beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        run("cp", "-r", ROOT / part, source, cwd=source)
    built = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", built)
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", *options, source, cwd=built)
    (made,) = built.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the wheel alone; what plait needs is lent by ours, last on its path."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", place, cwd=place.parent)
    python = place / "bin" / "python"
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", *options, wheel, cwd=place)
    lent = (
        f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n"  # a `.pth` would follow editable installs
    )
    (next(place.glob("lib/python*/site-packages")) / "lent.pth").write_text(lent, encoding="utf-8")
    return python


def test_the_wheel_has_the_packages_below_one_name_and_all_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        entry_points = opened.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()

    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"plait"}
    assert "plait/py.typed" in names
    assert {"plait/flows/feature.py", "plait/flows/inputs/drawn_names.txt"} <= names
    for folder, inside in (("flows/templates", "plait/flows/templates"), ("examples", "plait/flows/examples")):
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        wanted = {f"{inside}/{path.relative_to(ROOT / folder)}" for path in files}
        assert wanted <= names, wanted - names
    assert not [name for name in names if name.endswith(".pyc")]
    assert "plait = plait.flows.commands.main:main" in entry_points
    assert "plait = plait.blocks" in entry_points
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_command_works_from_the_wheel_alone(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import plait.flows.feature as feature; print(feature.__file__)", cwd=tmp_path).strip()
    plait = python.parent / "plait"

    assert Path(where).is_relative_to(python.parent.parent)
    assert run(plait, "--version", cwd=tmp_path).strip()
    run(plait, "new", "cart", "--slice", "vertical", cwd=tmp_path)
    run(plait, "check", "--strict", "plan.yaml", cwd=tmp_path)


def test_prefect_finds_the_blocks_of_the_wheel(python: Path, tmp_path: Path) -> None:
    code = (
        "from prefect.plugins import load_prefect_collections\n"
        "collections = load_prefect_collections()\n"
        "print(collections['plait'].FeatureStore.__module__)"
    )
    assert run(python, "-c", code, cwd=tmp_path).splitlines()[-1] == "plait.blocks.store"
