"""The bound names what holds a plan up, and no schedule beats it."""

from itertools import permutations

import pytest
from hypothesis import given

from plait.advice import bounds
from plait.advice.bounds import Bound, lower_bound
from plait.advice.simulation import simulate
from plait.plans.schedule.dispatch import Dispatcher, Job
from tests.support.drawn import RESOURCES, SLOTS, jobs


def best_of_all_orders(plan: list[Job]) -> float:
    """What the dispatcher reaches with the best of all priority lists."""
    ends = []
    for order in permutations(job.id for job in plan):
        urgency = {task: -float(turn) for turn, task in enumerate(order)}
        times = simulate(Dispatcher(plan, slots=SLOTS, resources=RESOURCES, urgency=urgency), {})
        ends.append(max(end for _, end in times.values()))
    return min(ends)


def test_a_chain_is_bound_by_its_length() -> None:
    plan = [Job("a", "qa", 2), Job("b", "qa", 3, (("a",),)), Job("c", "backend", 1)]
    assert lower_bound(plan, {"qa": 4, "backend": 1}) == Bound(5, "critical path")


def test_much_work_for_few_is_bound_by_the_work() -> None:
    assert lower_bound([Job(str(n), "qa", 3) for n in range(4)], {"qa": 2}) == Bound(6, "work of role qa")


def test_what_comes_before_and_after_a_busy_role_counts() -> None:
    plan = [Job("first", "architect", 2), Job("last", "qa", 3, tuple((str(n),) for n in range(4)))]
    plan += [Job(str(n), "backend", 4, (("first",),)) for n in range(4)]
    assert lower_bound(plan, {"architect": 1, "backend": 2, "qa": 1}) == Bound(13, "head-tail of role backend")


def test_a_resource_binds_like_a_role() -> None:
    plan = [Job(str(n), "qa", 5, uses={"database": 2}) for n in range(3)]
    assert lower_bound(plan, {"qa": 9}, {"database": 3}) == Bound(10, "work of resource database")


def test_a_wide_job_takes_its_slots() -> None:
    assert lower_bound([Job(str(n), "qa", 5, units=2) for n in range(2)], {"qa": 2}).seconds == 10


def test_an_alternative_binds_only_by_the_first_to_end() -> None:
    plan = [Job("quick", "qa", 1), Job("slow", "qa", 5), Job("page", "backend", 1, (("quick", "slow"),))]
    assert lower_bound(plan, {"qa": 2, "backend": 1}) == Bound(5, "critical path")


def test_a_plan_without_jobs_takes_no_time() -> None:
    assert lower_bound([], {"qa": 1}) == Bound(0, "critical path")


@given(jobs(most=5, classes=False))
def test_no_order_of_dispatch_beats_the_bound(plan: list[Job]) -> None:
    assert lower_bound(plan, SLOTS, RESOURCES).seconds <= best_of_all_orders(plan) + 1e-9


@given(jobs(most=20))
def test_the_grid_is_never_above_all_pairs_and_never_below_the_work(plan: list[Job]) -> None:
    exact = lower_bound(plan, SLOTS, RESOURCES).seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "_EXACT_UP_TO", 0)
        patch.setattr(bounds, "_GRID", 3)
        coarse = lower_bound(plan, SLOTS, RESOURCES).seconds
        patch.setattr(bounds, "_GRID", 500)
        fine = lower_bound(plan, SLOTS, RESOURCES).seconds
    assert coarse <= fine + 1e-9
    assert fine == pytest.approx(exact)
