"""What phases add to the needs of tasks, and what waits for the rest of its phase."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.language.crew import DEFAULT_CREW
from plait.plans.language.parsing import parse_plan
from plait.plans.language.phases import absent_from, held_back
from plait.plans.tasks.expansion import expand


def needs_in(phases: str, tasks: str = "") -> dict[str, tuple[tuple[str, ...], ...]]:
    given_tasks = tasks or "".join(f"  - {{id: {name}, run: 'true'}}\n" for name in "ABCDE")
    plan = parse_plan(f"feature: x\nphases: {phases}\ntasks:\n{given_tasks}", source="plan")
    return {task.id: task.needs for task in expand(plan, DEFAULT_CREW).tasks}


def test_a_phase_starts_when_all_of_the_phase_before_has_ended() -> None:
    needs = needs_in("[{id: one, tasks: [A, B]}, {id: two, tasks: [C, D]}]")

    assert needs == {"A": (), "B": (), "C": (("A",), ("B",)), "D": (("A",), ("B",)), "E": ()}


def test_the_tasks_of_a_sequential_phase_need_each_other_in_turn_and_the_next_phase_only_the_last() -> None:
    needs = needs_in("[{id: one, order: sequential, tasks: [A, B]}, {id: empty}, {id: two, tasks: [C]}]")

    assert needs["B"] == (("A",),)
    assert needs["C"] == (("B",),)


def test_what_others_of_the_phase_need_already_is_not_named_again() -> None:
    needs = needs_in(
        "[{id: one, tasks: [A, B]}, {id: two, tasks: [C]}]",
        "  - {id: A, run: 'true'}\n  - {id: B, run: 'true', needs: [A]}\n  - {id: C, run: 'true', needs: [A]}\n",
    )

    assert needs["C"] == (("A",), ("B",))


def test_a_need_against_the_order_of_the_phases_is_a_circle_with_its_place() -> None:
    with pytest.raises(PlanError) as refused:
        needs_in(
            "[{id: one, tasks: [A]}, {id: two, tasks: [B]}]",
            "  - {id: A, run: 'true', needs: [B]}\n  - {id: B, run: 'true'}\n",
        )

    (problem,) = refused.value.problems
    assert "circle: A -> B -> A" in problem.message
    assert problem.line == 4


@dataclass(frozen=True)
class Made:
    task: str
    needs: tuple[str, ...]


NAMES = st.sampled_from("ABCDEFGH")
BRANCHES: st.SearchStrategy[Mapping[str, frozenset[str]]] = st.dictionaries(NAMES, st.frozensets(NAMES, max_size=3))
GROUPS = st.lists(st.frozensets(NAMES, min_size=1, max_size=4), max_size=3)


@given(finished=BRANCHES, landed=st.frozensets(NAMES), groups=GROUPS, held=st.frozensets(NAMES))
def test_what_does_not_wait_has_its_whole_phase_and_all_that_it_rests_on(
    finished: Mapping[str, frozenset[str]], landed: frozenset[str], groups: list[frozenset[str]], held: frozenset[str]
) -> None:
    already = dict.fromkeys(sorted(held & set(finished)), "other")
    branches = [Made(task, tuple(sorted(needs))) for task, needs in finished.items()]
    lacking = absent_from(groups, here=finished, landed=landed)

    waiting = already | held_back(branches, left_out={*already, *lacking}, groups=groups)

    free = set(finished) - set(waiting)
    for task in free:
        assert not finished[task] & set(waiting)
        assert all(
            mate in free or mate in landed - set(finished) for group in groups if task in group for mate in group
        )
    for task in set(waiting) - set(already):
        lacks = [mate for group in groups if task in group for mate in group if mate not in free]
        assert finished[task] & {*waiting, *lacking} or lacks


@given(made=BRANCHES, out=st.frozensets(NAMES), groups=GROUPS)
def test_what_is_held_back_is_exactly_what_hangs_on_something_left_out(
    made: Mapping[str, frozenset[str]], out: frozenset[str], groups: list[frozenset[str]]
) -> None:
    branches = [Made(task, tuple(sorted(needs))) for task, needs in made.items()]

    back = held_back(branches, left_out=out, groups=groups)

    gone = set(out) | set(back)
    assert not set(back) & out
    for branch in branches:
        hangs = set(branch.needs) & gone or any(branch.task in group and group & gone for group in groups)
        assert bool(hangs) == (branch.task in gone) or branch.task in out
