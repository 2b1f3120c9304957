"""A batch forms when enough is ready or has waited enough, and merges what is needed first."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.landing.batching import Due, FinishedBranch, NotYet, merge_order, next_batch
from plait.plans.schedule.need_graph import Graph, Needs
from tests.support.drawn import needs


def finished(count: int, at: float = 0.0) -> list[FinishedBranch]:
    return [FinishedBranch(f"t{number}", at + number) for number in range(count)]


def formed(count: int, *, running: int, now: float = 0.0, wait: float = 600.0) -> bool:
    return isinstance(next_batch(finished(count), running=running, ready=0.8, wait=wait, now=now), Due)


def test_a_batch_forms_when_the_share_is_ready() -> None:
    assert not formed(3, running=1)
    assert formed(4, running=1)
    assert formed(8, running=2)


@pytest.mark.parametrize(("ready", "waiting", "running"), [(0.5, 3, 3), (0.8, 8, 2), (0.75, 3, 1), (0.1, 1, 9)])
def test_a_share_that_is_met_exactly_is_enough(ready: float, waiting: int, running: int) -> None:
    assert isinstance(next_batch(finished(waiting), running=running, ready=ready, wait=600, now=0), Due)
    assert next_batch(finished(waiting), running=running + 1, ready=ready, wait=600, now=0) == NotYet(until=600)


def test_a_batch_forms_when_the_oldest_has_waited_enough() -> None:
    assert next_batch(finished(2, at=100), running=9, ready=0.8, wait=600, now=699) == NotYet(until=700)
    assert next_batch(finished(2, at=100), running=9, ready=0.8, wait=600, now=700) == Due(("t0", "t1"))


def test_a_batch_forms_at_once_when_nothing_runs() -> None:
    assert formed(1, running=0)


def test_nothing_finished_is_no_batch() -> None:
    assert next_batch([], running=0, ready=0.8, wait=600, now=0) == NotYet(until=None)


def test_without_a_wait_only_an_end_brings_a_batch() -> None:
    assert next_batch(finished(1), running=9, ready=0.8, wait=inf, now=1e9) == NotYet(until=None)


def test_the_order_is_needs_then_priority_then_age() -> None:
    order = merge_order(
        ["late", "early", "urgent", "root"],
        needs={"urgent": ("middle",), "middle": ("root",)},
        priority={"urgent": 1, "root": 4},
        at={"late": 9, "early": 1},
    )
    assert order == ("early", "late", "root", "urgent")


def test_tasks_that_need_each_other_have_no_order() -> None:
    with pytest.raises(ValueError, match="a, b"):
        merge_order(["a", "b"], needs={"a": ("b",), "b": ("a",)}, priority={})


@given(needs(), st.data())
def test_any_part_of_a_plan_is_merged_in_dependency_order(plan: dict[str, Needs], data: st.DataObject) -> None:
    part = data.draw(st.lists(st.sampled_from(sorted(plan)), unique=True))
    flat = {task: tuple(need for group in groups for need in group) for task, groups in plan.items()}
    order = merge_order(
        part, needs=flat, priority=data.draw(st.fixed_dictionaries({t: st.integers(1, 5) for t in part}))
    )
    assert sorted(order) == sorted(part)
    graph = Graph(plan)
    for place, task in enumerate(order):
        assert not set(graph.descendants(task)) & set(order[:place])


def test_what_is_needed_along_very_many_paths_is_looked_at_once() -> None:
    layers = {f"{side}{layer}": (f"l{layer - 1}", f"r{layer - 1}") for layer in range(1, 60) for side in "lr"}

    assert merge_order(["l59", "l0"], needs=layers, priority={}) == ("l0", "l59")
