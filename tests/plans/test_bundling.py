"""Which small tasks may become a bundle, what it asks for, and how it is told."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.forecasts.bundle_search import bundles_sentence
from plait.plans.language.crew import Crew, merge_crews
from plait.plans.language.model import Task
from plait.plans.names import agent_branch, check_slug
from plait.plans.tasks.bundling import (
    bundle_name,
    bundle_of,
    bursts_of,
    in_bundles,
    members_line,
    members_said,
    numbers_of_bundles,
    parted_by_needers,
    place_of,
    shared_out,
    together,
)
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.tasks.states import TaskState
from plait.show.metrics import measure
from plait.show.outcome_json import outcome_record
from plait.show.progress import progress_of
from plait.show.run_report import report_markdown
from plait.show.unlanded import headline
from tests.support.bundles import (
    CREW,
    MINUTE,
    SMALL,
    burst,
    expanded,
    ids,
)
from tests.support.outcomes import START, a_task, an_outcome


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=8), st.floats(0, 1e5))
def test_a_bundle_takes_no_longer_than_its_tasks_in_turn_and_no_less_than_the_longest(
    seconds: list[float], start_up: float
) -> None:
    taken = together(seconds, start_up)
    assert max(seconds) <= taken + 1e-6
    assert taken <= sum(seconds) + 1e-6
    assert all(own >= start_up for own in seconds) <= math.isclose(
        taken, sum(seconds) - (len(seconds) - 1) * start_up, rel_tol=1e-9, abs_tol=1e-6
    )


@given(st.lists(st.sampled_from([6, 12, 15, 30]), min_size=2, max_size=40), st.integers(1, 5))
def test_a_burst_fills_every_slot_however_it_is_given_out(minutes: list[int], slots: int) -> None:
    tasks = [{**SMALL, "id": f"t{at}", "duration": f"{one}m"} for at, one in enumerate(minutes)]
    (one,) = bursts_of(expanded(*tasks), CREW)
    for number in numbers_of_bundles(one, slots, most=4):
        parts = shared_out(one, number)
        assert len(parts) == number >= min(slots, len(minutes))
        assert number % slots == 0
        assert sorted(ids(task for part in parts for task in part)) == sorted(ids(one.tasks))
        places = [[ids(one.tasks).index(task.id) for task in part] for part in parts]
        assert all(part == sorted(part) for part in places)


def test_the_longest_is_given_out_first() -> None:
    tasks = [{**SMALL, "id": f"t{at}", "duration": f"{minutes}m"} for at, minutes in enumerate((12, 12, 30))]
    (one,) = bursts_of(expanded(*tasks), CREW)
    assert sorted(ids(part) for part in shared_out(one, 2)) == [["t0", "t1"], ["t2"]]


def test_a_role_without_a_slot_is_reckoned_as_one_with_one() -> None:
    (one,) = bursts_of(expanded(*burst()), CREW)
    assert [*numbers_of_bundles(one, 0, most=4)] == [*numbers_of_bundles(one, 1, most=4)] == [1, 2, 3]


def test_equal_tasks_are_given_out_in_the_order_of_the_plan() -> None:
    (one,) = bursts_of(expanded(*burst()), CREW)
    assert [ids(part) for part in shared_out(one, 2)] == [["t1", "t2"], ["t3", "t4"]]


@pytest.mark.parametrize(
    "other",
    [
        {"role": "backend"},
        {"complexity": "simple"},
        {"priority": "high"},
        {"owns": ["api/1.py"]},
        {"owns": ["ui/1.py", "api/1.py"]},
        {"owns": ["**/1.py"]},
        {"owns": []},
        {"owns": None},
        {"needs": ["first"]},
        {"needs": [{"task": "first", "kind": "information"}]},
        {"duration": "41m"},
        {"duration": None},
        {"timeout": "1h"},
        {"retries": 5},
        {"uses": {"port": 1}},
        {"locks": ["ui/lock"]},
        {"review": {"by": "reviewer"}},
        {"changes": "optional"},
        {"setup": ["make"]},
        {"environment": [{"MODE": "hard"}]},
        {"copy": [".env"]},
        {"bundle": False},
        {"run": "make", "prompt": None},
    ],
    ids=str,
)
def test_a_task_of_another_kind_is_in_no_burst(other: dict[str, Any]) -> None:
    first = {"id": "first", "role": "backend", "prompt": "Begin."}
    made = expanded(first, *burst(), {**SMALL, "id": "odd", **other}, resources={"port": 2})
    (one,) = bursts_of(made, CREW)
    assert ids(one.tasks) == ["t1", "t2", "t3", "t4"]


def test_tasks_that_others_choose_among_or_are_told_about_go_alone() -> None:
    choice = {"id": "choice", "role": "backend", "prompt": "x", "needs": [{"any": ["t1", "t2"]}]}
    told = {"id": "told", "role": "backend", "prompt": "x", "needs": [{"task": "t3", "kind": "information"}]}
    assert bursts_of(expanded(*burst(), choice, told), CREW) == ()


def test_tasks_of_contracts_and_of_other_phases_go_alone() -> None:
    contract = {"id": "api", "owner": "t1", "files": ["api.md"], "consumers": ["t2"]}
    made = expanded(*burst(), contracts=[contract], phases=[{"id": "one", "tasks": ["t3"]}])
    assert bursts_of(made, CREW) == ()


def test_a_bundle_asks_for_all_that_its_members_ask_for() -> None:
    tasks = burst(verify=["make test"], criteria=["It is good."], tags=["ui"])
    tasks[1] |= {"title": "The second", "verify": ["make lint"], "outputs": ["ui/2.md"]}
    made = expanded(*tasks)
    crew = merge_crews(Crew.model_validate({"qa": {"start_up": "10m", "timeout": "1h"}}))
    one = bundle_of(made.tasks, crew, name="t1-and-3-more")

    assert one.task.title == "t1, t2, t3 and t4"
    assert one.task.owns == ("ui/1.py", "ui/2.py", "ui/3.py", "ui/4.py")
    assert one.task.verify == ("make test", "make lint")
    assert (one.task.outputs, one.task.tags, one.task.timeout) == (("ui/2.md",), ("ui",), 4 * 3600.0)
    assert one.seconds == one.task.duration.likely == 30 * MINUTE  # type: ignore[union-attr]
    prompt = one.task.prompt or ""
    assert [line for line in prompt.splitlines() if line.startswith("### ")] == [
        "### Part 1, t1",
        "### Part 2, t2: The second",
        "### Part 3, t3",
        "### Part 4, t4",
    ]
    assert one.task.count == 1
    assert "- It may change only: `ui/2.py`.\n- It must be true at the end: It is good." in prompt


def test_the_hash_of_a_bundle_changes_with_its_members_and_with_their_specs() -> None:
    tasks = expanded(*burst()).tasks
    other = expanded(*burst(prompt="Label it well.")).tasks
    variants = [tasks, tasks[:3], tasks[::-1], (*tasks[:3], other[3])]
    assert len({bundle_of(members, CREW, name="b").spec_hash for members in variants}) == 4
    assert bundle_of(tasks, CREW, name="b").spec_hash == bundle_of(tasks, Crew(), name="c").spec_hash


def test_the_name_of_a_bundle_is_one_that_nobody_has() -> None:
    long = expanded({**SMALL, "id": "x" * 64, "count": 3}).tasks
    for taken in ((), ("X" * 53 + "-AND-2-MORE",)):
        name = bundle_name(long, taken)
        assert agent_branch("f", "qa", check_slug(name))
        assert name.casefold() not in {other.casefold() for other in taken}
    assert bundle_name(expanded({**SMALL, "id": "fix", "count": 2}).tasks, ()) == "fix-1-and-1-more"


def test_the_name_of_a_bundle_begins_with_its_first_member() -> None:
    members = expanded({**SMALL, "id": "fix"}, {**SMALL, "id": "other"}).tasks
    name = bundle_name(members, ())
    assert name.startswith("fix-and-1-more")
    assert bundle_name(members, (name,)).startswith(f"{name}-")


def test_a_burst_is_parted_by_who_needs_its_tasks_and_one_task_alone_is_no_burst() -> None:
    needer = {"id": "soon", "role": "backend", "prompt": "x", "needs": ["t1"]}
    made = expanded(*burst(), needer)
    (part,) = parted_by_needers(bursts_of(made, CREW), made.tasks)
    assert ids(part.tasks) == ["t2", "t3", "t4"]


def test_members_are_read_back_from_the_line_that_names_them() -> None:
    tasks = expanded(*burst()).tasks
    assert members_said(members_line(tasks)) == {task.id: task.spec_hash[:16] for task in tasks}
    assert members_said("") == members_said("a, b") == members_said("t1=short") == {}
    whole = bundle_of(tasks, CREW, name="all")
    assert in_bundles(["t2", "other", "t3"], [whole]) == ("all", "other")


@pytest.mark.parametrize(
    ("owns", "place"),
    [
        (["src/cart/total.py"], {"src/cart"}),
        (["src/cart/*.py"], {"src/cart"}),
        (["src/cart/ui/"], {"src/cart"}),
        (["src/cart/**/x.py"], {"src/cart"}),
        (["src/"], {"src"}),
        (["src/cart/"], {"src"}),
        (["src/*/"], {"src"}),
        (["README.md"], {"."}),
        (["*.md"], {"."}),
        (["src/a.py", "tests/a.py"], {"src", "tests"}),
        (["**"], set()),
        (["**/x.py", "src/a.py"], set()),
        ([], set()),
    ],
)
def test_the_place_of_a_task_is_where_what_it_owns_lies(owns: list[str], place: set[str]) -> None:
    assert place_of(Task.model_validate({"id": "a", "run": "x", "owns": owns})) == place


def test_planned_tasks_are_no_bundles_by_default() -> None:
    assert all(task.members == () for task in expanded(*burst()).tasks)
    assert PlannedTask.__dataclass_fields__["members"].default == ()


def test_an_outcome_tells_each_member_by_its_own_id_with_what_came_of_the_bundle() -> None:
    members = tuple(f"L{number}" for number in range(1, 5))
    whole = a_task("L1-and-3-more", state=TaskState.LANDED).model_copy(update={"members": members})
    failed = a_task("LIST", state=TaskState.FAILED, reason="no")
    outcome = an_outcome(tasks=(whole, failed), batches=())

    told = outcome_record(outcome)["tasks"]
    assert [task["id"] for task in told] == [*members, "LIST"]
    assert [task.get("bundle") for task in told] == ["L1-and-3-more"] * 4 + [None]
    assert {task["commit"] for task in told[:4]} == {whole.commit}
    assert headline(outcome) == "4 of 5 tasks landed"
    assert measure(outcome).tasks_run == 2, "the work was done once"
    progress = progress_of(outcome, (), START)
    assert (progress.tasks, progress.totals.landed) == (5, 4)
    rows = report_markdown(outcome, metrics=measure(outcome), gantt_uri=None)
    assert rows.replace("\\", "").count("(in L1-and-3-more)") == 4
    assert FeatureOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_many_bundles_are_told_in_a_line() -> None:
    one = bundle_of(expanded(*burst()).tasks, CREW, name="all")
    assert bundles_sentence([one], saved=725) == "bundles: t1, t2, t3 and t4 to one agent: saves 12 min (P50)"
    assert bundles_sentence([one] * 9, saved=60).endswith("; 3 more bundles: saves 1 min (P50)")
