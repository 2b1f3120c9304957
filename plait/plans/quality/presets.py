"""The usual stages of a language, by what lies at the top of a repository: cheap ones first.

Names and contents come from a repository that anybody may have written: they choose among fixed commands, and no word
of them is in one.
"""

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from plait.plans.language.verify_stages import USUAL_ORDER, Check, Preset, VerifyStage

READ = (
    *("package.json", "pyproject.toml", "setup.cfg", "tox.ini", "requirements.txt", "requirements-dev.txt"),
    "Makefile",
)
"""The files whose contents are looked at; of others it is enough that they are there."""
LOOKED_FOR = (
    *READ,
    *("setup.py", "pytest.ini", "conftest.py", "ruff.toml", ".ruff.toml", "mypy.ini"),
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"),
    *("go.mod", "Cargo.toml", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"),
)
FOLDERS = ("tests", "test")
LARGEST = 256 * 1024
"""Bytes of a file that is read."""

Language = Literal["python", "node", "go", "rust"]
_LANGUAGES: tuple[Language, ...] = ("python", "node", "go", "rust")


def filled_in(checks: Sequence[Check], files: Mapping[str, str], folders: Collection[str] = ()) -> tuple[Check, ...]:
    """The same checks, each preset replaced by its stages: none where the repository has nothing of the language."""
    return tuple(
        stage
        for check in checks
        for stage in (
            (check,) if isinstance(check, str) or check.preset is None else preset_stages(check.preset, files, folders)
        )
    )


def preset_stages(preset: Preset, files: Mapping[str, str], folders: Collection[str] = ()) -> tuple[VerifyStage, ...]:
    """The stages of a preset.

    Args:
        files: Those of `LOOKED_FOR` that lie at the repository's top, with the text of those of `READ`.
        folders: Those of `FOLDERS` that do.
    """
    languages = _LANGUAGES if preset == "auto" else (preset,)
    made = {language: _MAKERS[language](files, folders) for language in languages}
    several = sum(bool(stages) for stages in made.values()) > 1
    stages = [
        stage.model_copy(update={"stage": f"{stage.stage}-{language}"}) if several else stage
        for language in languages
        for stage in made[language]
    ]
    return tuple(sorted(stages, key=lambda stage: USUAL_ORDER.index((stage.stage or "").partition("-")[0])))


def languages_of(files: Mapping[str, str], folders: Collection[str] = ()) -> tuple[Language, ...]:
    """Those that a repository has something of."""
    return tuple(language for language in _LANGUAGES if _MAKERS[language](files, folders) or _has(language, files))


def _has(language: Language, files: Mapping[str, str]) -> bool:
    return language == "node" and "package.json" in files


def _stage(name: str, *run: str, cache: Sequence[str] = ()) -> VerifyStage:
    return VerifyStage(stage=name, run=run, cache=tuple(cache))


_PYTHON_RUNNERS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv"}


def _python(files: Mapping[str, str], folders: Collection[str]) -> list[VerifyStage]:
    project, tools = files.get("pyproject.toml", ""), _tools(files.get("pyproject.toml", ""))
    if not files.keys() & {"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "pytest.ini", "conftest.py"}:
        return []
    by = next((f"{runner} run " for lock, runner in _PYTHON_RUNNERS.items() if lock in files), "")
    ruff = "ruff" in tools or not files.keys().isdisjoint({"ruff.toml", ".ruff.toml"})
    compiled = "python3 -m compileall -q -x '/[.]' ."
    stages = [_stage("syntax", f"{by}ruff check .", cache=[".ruff_cache"]) if ruff else _stage("syntax", compiled)]
    if "mypy" in tools or "mypy.ini" in files:
        given = {"files", "packages", "modules"} & (tools["mypy"].keys() if "mypy" in tools else set())
        stages.append(_stage("types", f"{by}mypy" if given else f"{by}mypy .", cache=[".mypy_cache"]))
    said = " ".join((project, *(files.get(name, "") for name in READ if name not in ("package.json", "Makefile"))))
    if "pytest" in said or not files.keys().isdisjoint({"pytest.ini", "conftest.py"}):
        stages.append(_stage("tests", f"{by or 'python3 -m '}pytest -q", cache=[".pytest_cache"]))
    elif folder := next((name for name in FOLDERS if name in folders), None):
        stages.append(_stage("tests", f"{by or ''}python3 -m unittest discover -s {folder}"))
    return stages


def _tools(project: str) -> Mapping[str, Mapping[str, Any]]:
    """What stands below `[tool]`; nothing where it is no TOML."""
    try:
        tools = tomllib.loads(project).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return {name: tool for name, tool in tools.items() if isinstance(tool, dict)} if isinstance(tools, dict) else {}


def _node(files: Mapping[str, str], _folders: Collection[str]) -> list[VerifyStage]:
    scripts = _scripts(files.get("package.json", ""))
    runners = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
    runner = next((runner for lock, runner in runners.items() if lock in files), "npm")
    names = (("syntax", ("lint",)), ("types", ("typecheck", "type-check", "types")), ("tests", ("test",)))
    stages = []
    for stage, candidates in names:
        script = next((name for name in candidates if name in scripts), None)
        if script is not None:
            # CI: runners that would wait for changes run once.
            stages.append(_stage(stage, f"CI=1 {runner} run {script}", cache=["node_modules/.cache"]))
    return stages


def _scripts(package: str) -> set[str]:
    """The names of scripts that do something: `npm init` writes a test that only fails."""
    try:
        scripts = json.loads(package)["scripts"]
        return {name for name, script in scripts.items() if "no test specified" not in script}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _go(files: Mapping[str, str], _folders: Collection[str]) -> list[VerifyStage]:
    return [_stage("syntax", "go vet ./..."), _stage("tests", "go test ./...")] if "go.mod" in files else []


def _rust(files: Mapping[str, str], _folders: Collection[str]) -> list[VerifyStage]:
    if "Cargo.toml" not in files:
        return []
    check, test = "cargo check --workspace --all-targets", "cargo test --workspace"
    return [_stage("syntax", check, cache=["target"]), _stage("tests", test, cache=["target"])]


_MAKERS = {"python": _python, "node": _node, "go": _go, "rust": _rust}
