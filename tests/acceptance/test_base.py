"""A red base: known early, told at once, and no reason to blame anybody."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of

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
    assert "base is red: what is green lands, and nothing else" in ended.stderr
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
