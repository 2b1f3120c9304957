"""`plait run` as a process: what lands, what does not and why, and what the shell is told."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

TWO_TASKS = """
    feature: greeting
    goal: Say hello.
    tasks:
      - id: HELLO
        run: echo hello > hello.txt
        changes: required
      - id: LOUD
        needs: [HELLO]
        run: tr a-z A-Z < hello.txt > loud.txt
        changes: required
    integration:
      verify: [test -f hello.txt]
"""

KEYS = {
    *("run_id", "feature", "state", "branch", "commit", "started_at", "ended_at", "elapsed_seconds", "bound_seconds"),
    *("tasks", "batches", "base", "salvage", "unsupported"),
}
TASK_KEYS = {"id", "role", "agent", "state", "branch", "commit", "started_at", "ended_at", "tries", "reason"}
BATCH_KEYS = {
    *("id", "state", "commit", "tree", "verifications", "landed", "rejected", "held"),
    *("settled", "weakened", "onto", "chain", "trees", "stages"),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)\Z")


def test_a_plan_lands_on_the_feature_branch_and_json_says_so(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    before = git(repository, "status", "--porcelain", "--branch")

    ended = plait("run", str(write_plan(TWO_TASKS)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    said = ended.data
    assert set(said) == KEYS
    assert [set(task) for task in said["tasks"]] == [TASK_KEYS, TASK_KEYS]
    assert all(set(batch) == BATCH_KEYS for batch in said["batches"])
    assert said["state"] == "completed"
    assert [task["state"] for task in said["tasks"]] == ["landed", "landed"]
    assert all(MOMENT.match(task[key]) for task in said["tasks"] for key in ("started_at", "ended_at"))
    branch = "feature/greeting/integration"
    assert said["branch"] == branch
    assert said["commit"] == git(repository, "rev-parse", branch)
    assert files_of(repository, branch)["loud.txt"] == "HELLO"
    assert git(repository, "status", "--porcelain", "--branch") == before
    assert 0 < said["bound_seconds"] <= said["elapsed_seconds"]


def test_running_again_has_nothing_to_do_and_makes_no_commit(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = str(write_plan(TWO_TASKS))
    plait("run", plan, "--json", cwd=repository, env=prefect_server)
    tip = git(repository, "rev-parse", "feature/greeting/integration")

    again = plait("run", plan, "--json", cwd=repository, env=prefect_server)

    assert again.status == 0, again.stderr
    assert again.data["state"] == "completed"
    assert [task["tries"] for task in again.data["tasks"]] == [0, 0]
    assert git(repository, "rev-parse", "feature/greeting/integration") == tip


def test_a_changed_task_and_what_rests_on_it_are_done_again(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plait("run", str(write_plan(TWO_TASKS)), "--json", cwd=repository, env=prefect_server)

    changed = write_plan(TWO_TASKS.replace("echo hello", "echo goodbye"))
    again = plait("run", str(changed), "--fresh", "--yes", "--json", cwd=repository, env=prefect_server)

    assert again.status == 0, again.stderr
    assert [task["tries"] for task in again.data["tasks"]] == [1, 1]
    assert files_of(repository, "feature/greeting/integration")["loud.txt"] == "GOODBYE"
    assert "refs/plait/old/" in git(repository, "for-each-ref", "--format=%(refname)")


def test_a_failed_task_blocks_what_needs_it_and_all_else_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: mixed
        goal: Some of it works.
        tasks:
          - {id: BAD, run: "echo cannot >&2; exit 3", retries: 1}
          - {id: AFTER, run: "echo x > after.txt", needs: [BAD]}
          - {id: LAST, run: "echo x > last.txt", needs: [AFTER]}
          - {id: GOOD, run: "echo x > good.txt"}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    states = {task["id"]: task["state"] for task in ended.data["tasks"]}
    assert states == {"BAD": "failed", "AFTER": "blocked", "LAST": "blocked", "GOOD": "landed"}
    bad, after = ended.data["tasks"][0], ended.data["tasks"][1]
    assert bad["tries"] == 2
    assert "cannot" in bad["reason"]
    assert "BAD" in after["reason"]
    assert ended.data["state"] == "partial"
    assert "good.txt" in files_of(repository, "feature/mixed/integration")


def test_work_that_changes_what_it_does_not_own_is_a_failed_try_and_is_salvaged(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: owned
        goal: Keep to your own.
        tasks:
          - {id: A, run: "echo x > docs/a.md; echo x >> app.py", owns: [docs/], retries: 0}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert "app.py" in ended.data["tasks"][0]["reason"]
    (salvage,) = ended.data["salvage"]
    assert "docs/a.md" in files_of(repository, salvage)


def test_a_dirty_checkout_is_neither_touched_nor_part_of_the_run(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    (repository / "app.py").write_text("half done\n")
    (repository / "new.txt").write_text("untracked\n")
    before = git(repository, "status", "--porcelain")

    ended = plait("run", str(write_plan(TWO_TASKS)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert git(repository, "status", "--porcelain") == before
    assert (repository / "app.py").read_text() == "half done\n"
    assert "new.txt" not in files_of(repository, "feature/greeting/integration")


def test_a_checked_out_feature_branch_is_not_moved_and_the_command_to_land_is_given(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(TWO_TASKS)
    git(repository, "checkout", "--quiet", "-b", "feature/greeting/integration")
    tip = git(repository, "rev-parse", "HEAD")

    ended = plait("run", str(plan), "--base", "main", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert ended.data["batches"][-1]["state"] == "ready-to-land"
    assert git(repository, "rev-parse", "HEAD") == tip
    report = plait("report", "--markdown", cwd=repository)
    assert "merge --ff-only" in report.stdout


def test_only_runs_what_is_named_and_says_what_is_missing(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = str(write_plan(TWO_TASKS))

    missing = plait("run", plan, "--only", "LOUD", cwd=repository, env=prefect_server)
    first = plait("run", plan, "--only", "HELLO", "--json", cwd=repository, env=prefect_server)
    second = plait("run", plan, "--only", "LOUD", "--json", cwd=repository, env=prefect_server)

    assert missing.status == 2
    assert "HELLO" in missing.stderr
    assert first.status == 0
    assert [task["id"] for task in first.data["tasks"]] == ["HELLO"]
    assert second.status == 0, second.stderr
    assert files_of(repository, "feature/greeting/integration")["loud.txt"] == "HELLO"


def test_an_agent_sees_only_what_is_on_the_list_of_the_environment(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: leaks
        goal: Show the environment.
        tasks:
          - {id: ENV, run: "env > env.txt"}
        """
    )
    secrets = {"AWS_SECRET_ACCESS_KEY": "canary-1", "GIT_DIR": "/canary-2", **prefect_server}

    ended = plait("run", str(plan), "--json", cwd=repository, env={**secrets, "GIT_DIR": str(repository / ".git")})

    assert ended.status == 0, ended.stderr
    seen = files_of(repository, "feature/leaks/integration")["env.txt"]
    assert "canary" not in seen
    assert not [line for line in seen.splitlines() if line.startswith(("PREFECT_", "GIT_DIR"))]
    assert "PLAIT_PORT=" in seen


def test_the_report_the_status_and_the_logs_can_be_had_afterwards(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(TWO_TASKS.replace("echo hello >", "echo said; echo hello >"))
    run = plait("run", str(plan), "--json", cwd=repository, env=prefect_server).data

    status = plait("status", "--json", cwd=repository)
    logs = plait("logs", "HELLO", cwd=repository)
    report = plait("report", "--markdown", cwd=repository)
    listing = plait("status", "--all", cwd=repository)

    assert status.data == run
    assert logs.stdout == "said\n"
    assert "data:image/svg+xml;base64," in report.stdout
    assert run["run_id"] in listing.stdout
    assert json.dumps(run)


def test_an_unverified_batch_says_so(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan("feature: bare\ngoal: No tests.\ntasks:\n  - {id: A, run: echo x > a.txt}\n")

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ended.data["batches"][0]["verifications"] == 0
    assert "nverified" in plait("report", "--markdown", cwd=repository).stdout


def test_an_agent_program_that_is_not_there_is_the_environments_fault_and_nothing_begins(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: gone
        goal: No such agent.
        crew: {worker: {backend: command, command: [no-such-agent]}}
        tasks:
          - {id: A, role: worker, prompt: Do it., retries: 2}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 3, ended.stderr
    assert "no-such-agent" in ended.stderr
    assert git(repository, "for-each-ref", "refs/heads/feature") == ""
