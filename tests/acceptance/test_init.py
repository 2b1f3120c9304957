"""`plait init`: a first plan and crew that pass `plait check` as written, for what a repository and a machine have."""

from pathlib import Path

import pytest

from tests.support.command import Ended, plait
from tests.support.repositories import commit_files, git


def a_machine(tmp_path: Path, **programs: str) -> dict[str, str]:
    """A PATH with git, and with agent programs of these versions."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for name, version in programs.items():
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "ANTHROPIC_API_KEY": "no-real-key"}


def checked(repository: Path, env: dict[str, str]) -> Ended:
    return plait("check", "plan.yaml", "--crew", "crew.yaml", "--json", cwd=repository, env=env)


PROJECTS = {
    "python": ({"pyproject.toml": "[tool.pytest]\n", "uv.lock": ""}, "uv run pytest -q", ["uv sync --frozen"]),
    "node": (
        {"package.json": '{"scripts": {"test": "x"}}', "package-lock.json": "{}"},
        "CI=1 npm run test",
        ["npm ci"],
    ),
    "go": ({"go.mod": "module x\n"}, "go test ./...", []),
    "rust": ({"Cargo.toml": "[package]\n"}, "cargo test --workspace", []),
}


@pytest.mark.parametrize("language", PROJECTS)
def test_what_it_writes_passes_a_check_as_written(language: str, repository: Path, tmp_path: Path) -> None:
    files, tests, setup = PROJECTS[language]
    commit_files(repository, files)
    env = a_machine(tmp_path, claude="2.1.332")

    made = plait("init", "--json", cwd=repository, env=env).data

    assert made["languages"] == [language]
    assert tests in made["verify"]
    assert made["setup"] == setup
    assert [(program["name"], program["version"], program["trouble"]) for program in made["programs"]] == [
        ("claude", "2.1.332", "")
    ]
    assert "default_backend: claude\n" in (repository / "crew.yaml").read_text()
    record = checked(repository, env).data
    assert [row for row in record["findings"] if row["severity"] == "error"] == []


def test_a_repository_without_anything_known_gets_a_plan_too(repository: Path, tmp_path: Path) -> None:
    env = a_machine(tmp_path)
    made = plait("init", cwd=repository, env=env)

    assert made.status == 0, made.stderr
    assert "found: agent program: none" in made.stdout
    assert "# default_backend: claude" in (repository / "crew.yaml").read_text()
    assert checked(repository, env).status == 0


def test_make_test_is_taken_where_nothing_else_tests(repository: Path, tmp_path: Path) -> None:
    commit_files(repository, {"Makefile": "all:\n\ttrue\ntest: all\n\ttrue\n"})
    plait("init", cwd=repository, env=a_machine(tmp_path))
    assert "verify: [make test]" in (repository / "plan.yaml").read_text()


def test_nothing_that_is_there_is_written_over_and_a_dry_run_writes_nothing(repository: Path, tmp_path: Path) -> None:
    env = a_machine(tmp_path)
    shown = plait("init", "--dry-run", cwd=repository, env=env)
    assert shown.status == 0
    assert "feature: first-steps" in shown.stdout
    assert not (repository / "plan.yaml").exists()

    (repository / "elsewhere").write_text("mine")
    (repository / "crew.yaml").symlink_to("elsewhere")
    refused = plait("init", cwd=repository, env=env)
    assert refused.status == 2
    assert "there is crew.yaml already" in refused.stderr
    assert not (repository / "plan.yaml").exists(), "both or neither"

    assert plait("init", "--force", cwd=repository, env=env).status == 0
    assert (repository / "elsewhere").read_text() == "mine"


def test_agents_of_the_repository_are_named_and_no_word_of_theirs_is_a_command(
    repository: Path, tmp_path: Path
) -> None:
    agent = "---\nname: sql\ndescription: '\"; rm -rf / #'\n---\nx\n"
    commit_files(repository, {".claude/agents/a b.md": agent, "package.json": '{"scripts": {"test": "rm -rf /"}}'})
    env = a_machine(tmp_path, claude="2.1.332")

    assert plait("init", cwd=repository, env=env).status == 0

    assert "# sql: {slots: 2} # .claude/agents/a b.md" in (repository / "crew.yaml").read_text()
    assert "rm -rf" not in (repository / "crew.yaml").read_text() + (repository / "plan.yaml").read_text()
    assert "rm -rf" not in checked(repository, env).stdout


@pytest.mark.parametrize("where", ["nowhere", "empty"])
def test_without_a_repository_or_a_commit_one_sentence_says_so(where: str, tmp_path: Path) -> None:
    if where == "empty":
        git(tmp_path, "init", "-q")
    refused = plait("init", cwd=tmp_path)
    assert refused.status == 2
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "plan.yaml").exists()
