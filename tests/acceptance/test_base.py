"""A red base: known early, told at once, and no reason to blame anybody."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: based
    goal: Two files that the checks ask for.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: B, run: "sleep 2; echo b > b.txt"}
      - {id: C, run: "sleep 1; echo c > c.txt", needs: [B]}
    integration: {verify: ['test -f a.txt', 'test -f b.txt'], ready: 0.01, wait: 0s}
"""


def test_a_plan_whose_checks_test_what_it_builds_lands_once_they_are_green(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("run", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "where the checks test what this plan builds (what is green lands)" in ended.stderr
    assert {"a.txt", "b.txt", "c.txt"} <= set(files_of(repository, "feature/based/integration"))


def test_where_base_has_to_be_green_a_red_one_ends_the_run_before_more_is_paid(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN.replace("wait: 0s", "wait: 0s, base: green").replace("sleep 2;", "sleep 6;"))

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    states = {task["id"]: (task["state"], task["tries"]) for task in ended.data["tasks"]}
    assert states["C"] == ("blocked", 0)
    assert "`test -f a.txt` failed" in ended.data["reason"]


def test_where_base_has_to_be_green_a_batch_in_work_lands_nothing_once_base_is_red(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan("""
        feature: based
        goal: A file that the checks ask for.
        tasks: [{id: A, run: echo a > a.txt}]
        integration: {verify: ['if test -f a.txt; then sleep 20; else sleep 3; false; fi'], slots: 2, base: green}
    """)

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert {task["id"]: task["state"] for task in ended.data["tasks"]} == {"A": "done"}
    (batch,) = ended.data["batches"]
    assert (batch["state"], batch["landed"]) == ("cut short", [])
    assert batch["reason"] == "base is red, and integration.base is green"
    assert ended.data["reason"].startswith("base is red, and integration.base is green: ")
    assert git(repository, "for-each-ref", "refs/heads/feature/based/integration") == ""


def test_what_is_red_on_base_does_not_count_where_the_plan_says_so(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """Nobody writes b.txt, and the check behind it still holds: D breaks it, and is rejected."""
    plan = write_plan("""
        feature: based
        goal: Two files that the checks ask for, and one that they forbid.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: D, run: echo d > d.txt}
        integration:
          verify: ['test -f b.txt', 'test ! -f d.txt']
          base: new-failures
          ready: 1.0
          repairs: 0
    """)

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert "where the checks test what this plan builds (what is red there does not count)" in ended.stderr
    assert {task["id"]: task["state"] for task in ended.data["tasks"]} == {"A": "landed", "D": "held"}
    landed = next(batch for batch in ended.data["batches"] if batch["landed"])
    assert landed["red_on_base"] == ["`test -f b.txt`"]
    log = git(repository, "log", "--format=%(trailers:key=Verified)", "feature/based/integration")
    assert "Verified: no new failures" in log
    assert "Verified: yes" not in log
    assert "Red on base as well" in plait("report", "--markdown", cwd=repository, env=prefect_server).stdout
