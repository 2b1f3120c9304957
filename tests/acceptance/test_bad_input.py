"""What a user or the machine got wrong: one clear paragraph, a hint, the right exit code, nothing half done."""

import os
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import git

GOOD = "feature: x\ngoal: y\ntasks:\n  - {id: A, run: echo x > a.txt}\n"


def test_every_mistake_of_a_plan_is_shown_with_its_place(repository: Path, write_plan: WritePlan) -> None:
    plan = write_plan("feature: x\ngoal: y\ntasks:\n  - {id: A, rn: echo}\n  - {id: B, run: echo, needs: [C]}\n")

    ended = plait("check", str(plan), cwd=repository)

    assert ended.status == 2
    assert ended.stdout == ""
    assert f"{plan}:4:" in ended.stderr
    assert f"{plan}:5:" in ended.stderr
    assert "did you mean 'run'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_check_answers_in_json_too(repository: Path, write_plan: WritePlan) -> None:
    bad = plait("check", str(write_plan("feature: x\n")), "--json", cwd=repository)
    good = plait("check", str(write_plan(GOOD)), "--json", cwd=repository)

    assert bad.status == 2
    assert bad.data["problems"]
    assert good.status == 0
    assert good.data["feature"] == "x"


def test_a_missing_agent_program_is_told_before_a_server_is_started(repository: Path, write_plan: WritePlan) -> None:
    crew = "{dev: {backend: claude, environment: {PATH: /nowhere}}}"
    plan = write_plan(f"feature: x\ngoal: y\ncrew: {crew}\ntasks: [{{id: A, role: dev, prompt: Do.}}]\n")

    ended = plait("run", str(plan), cwd=repository)

    assert ended.status == 3
    assert "claude was not found on the PATH, which the role dev works with" in ended.stderr
    assert "Prefect" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "missing.yaml"], 2, "there is no file"),
        (["run"], 2, "missing argument"),
        (["run", "PLAN", "--nonsense"], 2, "no such option"),
        (["nonsense"], 2, "no such command"),
        (["run", "PLAN", "--base", "nowhere"], 2, "no branch 'nowhere'"),
        (["run", "PLAN", "--repo", "/"], 2, "not in a git repository"),
        (["run", "PLAN", "--only", "Z"], 2, "no task Z"),
        (["run", "PLAN", "--crew", "missing.yaml"], 2, "there is no file"),
        (["logs", "A"], 2, "no run yet"),
        (["cancel"], 2, "no run yet"),
        (["report", "none"], 2, "no run yet"),
    ],
)
def test_a_wrong_call_ends_with_a_sentence(
    repository: Path, write_plan: WritePlan, arguments: list[str], status: int, said: str
) -> None:
    plan = str(write_plan(GOOD))

    ended = plait(*[plan if word == "PLAN" else word for word in arguments], cwd=repository)

    assert ended.status == status, ended.stderr
    assert said in " ".join(ended.stderr.split()), ended.stderr
    assert "Traceback" not in ended.stderr
    assert git(repository, "for-each-ref", "refs/heads/feature") == ""


def test_a_server_that_cannot_be_reached_is_the_environments_fault(repository: Path, write_plan: WritePlan) -> None:
    ended = plait("run", str(write_plan(GOOD)), cwd=repository, env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})

    assert ended.status == 3
    assert "cannot be reached" in ended.stderr
    assert "hint:" in ended.stderr


def test_an_old_git_is_the_environments_fault(repository: Path, write_plan: WritePlan, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    fake = programs / "git"
    fake.write_text("#!/bin/sh\necho git version 2.30.2\n")
    fake.chmod(0o755)

    ended = plait("run", str(write_plan(GOOD)), cwd=repository, env={"PATH": f"{programs}:{os.environ['PATH']}"})

    assert ended.status == 3
    assert "2.30.2 is too old" in ended.stderr


def test_no_git_at_all_is_the_environments_fault(repository: Path, write_plan: WritePlan, tmp_path: Path) -> None:
    ended = plait("run", str(write_plan(GOOD)), cwd=repository, env={"PATH": str(tmp_path)})

    assert ended.status == 3
    assert "git is not on the PATH" in ended.stderr


def test_a_broken_repository_is_the_environments_fault(repository: Path, write_plan: WritePlan) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / ".git/objects" / commit[:2] / commit[2:]).unlink()

    ended = plait("run", str(write_plan(GOOD)), cwd=repository)

    assert ended.status == 3, ended.stderr
    assert f"missing object {commit}" in ended.stderr
    assert "hint: `git fsck`" in ended.stderr
    assert len(ended.stderr.splitlines()) == 2


def test_a_role_without_an_agent_is_the_environments_fault(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    plan = write_plan("feature: x\ngoal: y\ntasks:\n  - {id: A, role: wizard, prompt: do}\n")  # not of the default crew

    ended = plait("run", str(plan), cwd=repository, env={"PATH": "/usr/bin:/bin"})

    assert ended.status == 3, ended.stderr
    assert "hint:" in ended.stderr


def test_a_branch_in_the_way_is_named(repository: Path, write_plan: WritePlan) -> None:
    git(repository, "branch", "feature/x")

    ended = plait("run", str(write_plan(GOOD)), cwd=repository)

    assert ended.status == 2
    assert "feature/x" in ended.stderr
    assert "hint:" in ended.stderr


def test_a_dry_run_shows_the_schedule_and_leaves_nothing(repository: Path, write_plan: WritePlan) -> None:
    text = plait("run", str(write_plan(GOOD)), "--dry-run", cwd=repository)
    data = plait("run", str(write_plan(GOOD)), "--dry-run", "--json", cwd=repository)

    assert text.status == 0
    assert "nothing runs" in text.stdout
    assert data.data["tasks"][0]["id"] == "A"
    assert git(repository, "for-each-ref", "refs/heads/feature") == ""


@pytest.mark.parametrize("arguments", [["check", "PLAN"], ["run", "PLAN", "--dry-run"]])
def test_reading_a_plan_needs_no_prefect(repository: Path, write_plan: WritePlan, arguments: list[str]) -> None:
    plan = str(write_plan(GOOD))
    words = [plan if word == "PLAN" else word for word in arguments]

    ended = plait(*words, cwd=repository, env={"PYTHONPROFILEIMPORTTIME": "1"})

    assert ended.status == 0
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if "import time:" in line}
    assert "pydantic" in imported, "the list of imports is not what it was"
    assert not {"prefect", "sqlmodel", "sqlalchemy", "git"} & imported


def test_a_hundred_tasks_are_checked(repository: Path, write_plan: WritePlan) -> None:
    tasks = "".join(f"  - {{id: T{number}, run: echo {number} > {number}.txt}}\n" for number in range(100))
    plan = write_plan(f"feature: x\ngoal: y\ntasks:\n{tasks}")

    ended = plait("check", str(plan), cwd=repository)

    assert ended.status == 0
    assert "100 tasks" in ended.stdout
