"""Presets choose among fixed commands by what a repository has, whatever is in its files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.language.verify_stages import USUAL_ORDER, VerifyStage
from plait.plans.quality.presets import LOOKED_FOR, READ, filled_in, preset_stages

PACKAGE = '{"scripts": {"lint": "eslint .", "test": "vitest", "typecheck": "tsc", "postinstall": "rm -rf /"}}'


def commands(preset, files, folders=()) -> dict[str, str]:
    return {stage.stage: "; ".join(stage.run) for stage in preset_stages(preset, files, folders)}


@pytest.mark.parametrize(
    ("preset", "files", "folders", "stages"),
    [
        ("python", {}, (), {}),
        ("python", {"setup.py": ""}, (), {"syntax": "python3 -m compileall -q -x '/[.]' ."}),
        (
            "python",
            {"pyproject.toml": "[tool.ruff]\n[tool.mypy]\nstrict = true\n[tool.pytest.ini_options]\n"},
            (),
            {"syntax": "ruff check .", "types": "mypy .", "tests": "python3 -m pytest -q"},
        ),
        (
            "python",
            {"pyproject.toml": "[tool.mypy]\nfiles = ['src']\n", "uv.lock": "", "conftest.py": ""},
            (),
            {"syntax": "python3 -m compileall -q -x '/[.]' .", "types": "uv run mypy", "tests": "uv run pytest -q"},
        ),
        (
            "python",
            {"requirements.txt": "django\n", "poetry.lock": "", "ruff.toml": ""},
            ("tests",),
            {"syntax": "poetry run ruff check .", "tests": "poetry run python3 -m unittest discover -s tests"},
        ),
        (
            "python",
            {"pyproject.toml": "[tool.ruff]\n", "pdm.lock": ""},
            ("tests",),
            {"syntax": "pdm run ruff check .", "tests": "pdm run python3 -m unittest discover -s tests"},
        ),
        (
            "python",
            {"setup.cfg": "[tool:pytest]\n", "Pipfile.lock": "{}"},
            (),
            {"syntax": "python3 -m compileall -q -x '/[.]' .", "tests": "pipenv run pytest -q"},
        ),
        ("node", {"package.json": "{}"}, (), {}),
        (
            "node",
            {"package.json": PACKAGE},
            (),
            {"syntax": "CI=1 npm run lint", "types": "CI=1 npm run typecheck", "tests": "CI=1 npm run test"},
        ),
        ("node", {"package.json": '{"scripts": {"test": "echo no test specified; exit 1"}}'}, (), {}),
        (
            "node",
            {"package.json": '{"scripts": {"test": "x"}}', "pnpm-lock.yaml": ""},
            (),
            {"tests": "CI=1 pnpm run test"},
        ),
        ("go", {"go.mod": ""}, (), {"syntax": "go vet ./...", "tests": "go test ./..."}),
        (
            "rust",
            {"Cargo.toml": ""},
            (),
            {"syntax": "cargo check --workspace --all-targets", "tests": "cargo test --workspace"},
        ),
        ("auto", {"go.mod": ""}, (), {"syntax": "go vet ./...", "tests": "go test ./..."}),
        (
            "auto",
            {"go.mod": "", "package.json": PACKAGE},
            (),
            {
                "syntax-node": "CI=1 npm run lint",
                "syntax-go": "go vet ./...",
                "types-node": "CI=1 npm run typecheck",
                "tests-node": "CI=1 npm run test",
                "tests-go": "go test ./...",
            },
        ),
    ],
)
def test_a_preset_is_the_usual_stages_of_what_is_there(preset, files, folders, stages) -> None:
    made = commands(preset, files, folders)
    assert made == stages
    assert list(made) == list(stages), "cheap ones first"


HOSTILE = [
    "[" * 100_000,
    '{"scripts": ' * 10_000,
    '{"scripts": {"test": 3, "lint": ["x"]}}',
    '{"scripts": {"lint; rm -rf ~": "x"}}',
    '{"scripts": []}',
    "tool = 3",
    "[tool]\nmypy = 'x'\nruff = []",
    "[tool.mypy]\nfiles = '$(rm -rf ~)'\n",
    "a = " + "[" * 5_000,
]


@given(
    st.dictionaries(st.sampled_from(LOOKED_FOR), st.text() | st.sampled_from(HOSTILE)),
    st.sampled_from(["auto", "python", "node", "go", "rust"]),
)
def test_no_word_of_the_repository_is_in_a_command(files, preset) -> None:
    fixed = {
        name: PACKAGE if name == "package.json" else "[tool.mypy]\nfiles=1\n[tool.ruff]\npytest=1" for name in READ
    }
    words = {"."}
    python_locks, node_locks = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"), ("pnpm-lock.yaml", "yarn.lock")
    for lock in (*([name] for name in (*python_locks, *node_locks, "bun.lock", "bun.lockb")), []):
        for chosen in ({"mypy.ini": "", "conftest.py": "", "go.mod": "", "Cargo.toml": "", "setup.py": ""}, fixed):
            made = preset_stages("auto", {**chosen, **dict.fromkeys(lock, "")}, ("tests",))
            words |= {word for stage in made for command in stage.run for word in command.split()}
    words |= {"typecheck", "type-check", "types", "lint", "test", "unittest", "discover", "-s", "tests", "python3"}
    stages = preset_stages(preset, files)
    assert {word for stage in stages for command in stage.run for word in command.split()} <= words
    places = [USUAL_ORDER.index((stage.stage or "").partition("-")[0]) for stage in stages]
    assert places == sorted(places)


def test_what_is_no_preset_stays_where_it_is() -> None:
    own = VerifyStage(stage="audit", run=("make audit",))
    made = filled_in(["make", VerifyStage(preset="go"), own], {"go.mod": ""})
    assert [made[0], made[-1]] == ["make", own]
    assert [stage.stage for stage in made[1:3] if isinstance(stage, VerifyStage)] == ["syntax", "tests"]
    assert filled_in([VerifyStage(preset="go")], {}) == ()
