"""Base that has moved on: told wherever people look, and taken in when they ask for it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

TIP = "feature/moved/integration"
PLAN = """
    feature: moved
    tasks: [{id: A, run: "echo 9 > value", owns: [value]}MORE]
    integration: {verify: ['test "$(cat value 2>/dev/null || echo 5)" -lt "$(cat limit)"']}
"""


@pytest.fixture
def shop(repository: Path) -> Path:
    """A repository with a limit, that what is built has to keep."""
    commit_files(repository, {"limit": "10\n"})
    return repository


def test_a_base_that_has_moved_on_is_told_and_what_it_breaks_does_not_land_with_it(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """A person lowers the limit on main, and nothing of the feature was ever tested with that."""
    plan = write_plan(PLAN.replace("MORE", ""))
    first = plait("run", str(plan), cwd=shop, env=prefect_server)
    assert (first.status, "moved on" in first.stdout + first.stderr) == (0, False), first.stderr
    commit_files(shop, {"limit": "7\n"})

    report, status = plait("report", cwd=shop), plait("status", cwd=shop)  # of the run that is over
    again = plait("run", str(plan), cwd=shop, env=prefect_server)
    words = "main has moved on by 1 commit since this feature began; the feature was not tested with it"
    for told in (report.stdout, status.stdout, again.stdout, plait("status", cwd=shop).stdout):
        assert words in told
    tests_it = report.stdout.index("--refresh # tests it with the 1 commit that main has more")
    assert tests_it < report.stdout.index("git merge")
    assert '"behind": 1' in plait("status", "--json", cwd=shop).stdout

    before = git(shop, "rev-parse", TIP)
    refused = plait("run", str(plan), "--refresh", "--json", cwd=shop, env=prefect_server)
    assert refused.status == 1, refused.stderr
    assert {task["id"]: task["state"] for task in refused.data["tasks"]} == {"refresh": "held", "A": "landed"}
    assert git(shop, "rev-parse", TIP) == before
    (place := Path(plait("resolve", "refresh", "--json", cwd=shop).data["directory"]) / "limit").write_text("12\n")
    assert "when the plan is run again with --refresh" in plait("resolve", "refresh", "--done", cwd=shop).stdout
    assert not place.exists()
    retried = plait("retry", "refresh", "--no-run", cwd=shop).stdout
    assert "the next run of moved with --refresh tries refresh again" in retried

    git(shop, "merge", "--quiet", "--no-edit", TIP)
    assert "main has the work of this feature" in plait("status", cwd=shop).stdout


def test_base_is_taken_in_verified_and_later_tasks_start_from_it_while_finished_ones_stay(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN.replace("MORE", ""))
    assert plait("run", str(plan), cwd=shop, env=prefect_server).status == 0
    now = commit_files(shop, {"limit": "12\n", ".github/workflows/ci.yml": "on: push\n"})

    finished = plait("run", str(plan), "--refresh", "--json", cwd=shop, env=prefect_server)
    assert finished.status == 0, finished.stderr
    assert [task["tries"] for task in finished.data["tasks"]] == [0, 0]
    assert finished.data["base"]["behind"] == 0
    assert git(shop, "merge-base", now, TIP) == now

    nothing = plait("run", str(plan), "--refresh", cwd=shop, env=prefect_server)
    assert nothing.status == 0
    assert "there is nothing to take in: the feature has all of main" in nothing.stderr

    commit_files(shop, {"limit": "11\n"})
    more = ', {id: B, run: "cp limit b"}, {id: C, needs: [A], run: "cat limit value > c"}'
    last = plait(
        "run", str(write_plan(PLAN.replace("MORE", more))), "--refresh", "--json", cwd=shop, env=prefect_server
    )
    assert last.status == 0, last.stderr
    landed = files_of(shop, TIP)
    assert (landed["b"], landed["c"]) == ("11", "11\n9")


def test_what_conflicts_with_base_is_mended_by_who_made_it(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\nif grep -q '^# refresh'; then echo 8 > value; else echo 9 > value; fi\n")
    agent.chmod(0o755)
    text = PLAN.replace("MORE", "").replace('run: "echo 9 > value"', "role: dev, prompt: make a value")
    plan = write_plan(f"{text}\n    crew: {{dev: {{backend: command, command: [{agent}]}}}}\n")
    assert plait("run", str(plan), cwd=shop, env=prefect_server).status == 0
    now = commit_files(shop, {"value": "3\n"})

    ended = plait("run", str(plan), "--refresh", "--json", cwd=shop, env=prefect_server)

    assert ended.status == 0, ended.stderr
    refresh = ended.data["tasks"][0]
    assert (refresh["id"], refresh["state"], refresh["agent"], refresh["tries"]) == ("refresh", "landed", "dev-1", 1)
    assert files_of(shop, TIP)["value"] == "8"
    assert git(shop, "merge-base", now, TIP) == now


def test_a_fetched_branch_is_a_base_and_a_local_one_behind_it_is_told(
    shop: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(shop), "clone")
    commit_files(shop, {"fetched.txt": "x\n"})
    git(tmp_path / "clone", "fetch", "-q")
    plan = write_plan("feature: fetched\ntasks: [{id: A, run: ls > list}]\n")
    for command in (("check", str(plan)), ("run", str(plan), "--dry-run")):
        assert "main is 1 commit behind origin/main" in plait(*command, cwd=tmp_path / "clone").stderr

    ended = plait("run", str(plan), "--base", "origin/main", "--json", cwd=tmp_path / "clone", env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "fetched.txt" in files_of(tmp_path / "clone", "feature/fetched/integration")["list"]
    assert ended.data["base"]["name"] == "origin/main"
