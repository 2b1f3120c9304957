"""The order of dispatch in a real run: named resources, and an order that a search has found."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait

pytestmark = pytest.mark.slow

ONE_DATABASE = """
    feature: database
    goal: Use one database in turns.
    resources: {db: 1}
    crew: {worker: {slots: 3}}
    tasks:
      - {id: A, role: worker, uses: {db: 1}, duration: 1s, run: "sleep 0.5; echo a > a.txt"}
      - {id: B, role: worker, uses: {db: 1}, duration: 1s, run: "sleep 0.5; echo b > b.txt"}
      - {id: C, role: worker, duration: 1s, run: "sleep 0.5; echo c > c.txt"}
"""

SHORTER_IN_ANOTHER_ORDER = """
    feature: order
    goal: Find the order that ends first.
    crew: {worker: {slots: 2}}
    tasks:
      - {id: T0, role: worker, duration: {optimistic: 2s, likely: 2s, pessimistic: 2.1s}, run: "echo 0 > 0.txt"}
      - {id: T1, role: worker, duration: {optimistic: 2s, likely: 2s, pessimistic: 2.1s}, run: "echo 1 > 1.txt"}
      - {id: T2, role: worker, duration: {optimistic: 2s, likely: 2s, pessimistic: 2.1s}, run: "echo 2 > 2.txt"}
      - {id: T3, role: worker, duration: {optimistic: 3s, likely: 3s, pessimistic: 3.1s}, run: "echo 3 > 3.txt"}
      - {id: T4, role: worker, duration: {optimistic: 3s, likely: 3s, pessimistic: 3.1s}, run: "echo 4 > 4.txt"}
"""
FAR_FROM_ITS_BOUND = """
    feature: order
    goal: Keep a search busy.
    crew: {searched: {slots: 3}}
    tasks:
      - {id: A, role: searched, run: "true", duration: 5m, count: 7}
      - {id: B, role: searched, run: "true", duration: 7m, count: 6, needs: [A]}
      - {id: C, role: searched, run: "true", duration: 9m, count: 5}
      - {id: D, role: searched, run: "true", duration: 13m, count: 5}
"""


def test_tasks_that_use_one_resource_take_turns(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("run", str(write_plan(ONE_DATABASE)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    spans = {task["id"]: (task["started_at"], task["ended_at"]) for task in ended.data["tasks"]}
    first, second = sorted([spans["A"], spans["B"]])
    assert first[1] <= second[0]
    assert spans["C"][0] < first[1]
    assert ended.data["bound_seconds"] > 1, "both turns count"
    advice = " ".join(plait("report", "--json", cwd=repository, env=prefect_server).data["insights"])
    assert "resource db" in advice
    assert "agents of worker" not in advice


def test_the_end_of_a_run_says_what_its_report_says(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("run", str(write_plan(ONE_DATABASE)), cwd=repository, env=prefect_server)
    report = plait("report", cwd=repository, env=prefect_server)

    assert ended.status == report.status == 0
    said = ended.stdout.splitlines()
    assert said == report.stdout.splitlines()[: len(said)]


def test_a_run_starts_its_tasks_in_the_order_that_a_search_has_found(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = str(write_plan(SHORTER_IN_ANOTHER_ORDER))

    ended = plait("run", plan, "--improve", "0.5", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    started = sorted(ended.data["tasks"], key=lambda task: task["started_at"])
    begun = {task["id"] for task in started[:2]}
    assert len(begun & {"T3", "T4"}) == 1, "the rule alone starts both long ones, and ends a second later"


def test_the_search_for_an_order_names_its_run_and_ends_when_the_run_is_cancelled(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    plan = str(write_plan(FAR_FROM_ITS_BOUND))
    running = Running("run", plan, "--improve", "600", "--json", cwd=repository, env=prefect_server)
    running.wait_until(lambda: any(hermetic.glob("runs/*/run.json")))
    early = plait("replay", cwd=repository)

    cancelled = plait("cancel", cwd=repository)
    ended = running.end(seconds=60)

    assert cancelled.status == 0
    assert ended.status == 130
    assert f"run {ended.data['run_id']}: searching for a better order" in ended.stderr
    assert {task["state"] for task in ended.data["tasks"]} == {"cancelled"}
    assert (early.status, "it has not begun yet" in early.stderr) == (2, True)
