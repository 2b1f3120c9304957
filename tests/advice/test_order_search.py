"""A searched order is never worse than the rule, keeps to classes and limits, and is found again with the same seed."""

from itertools import count, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.advice.bounds import lower_bound
from plait.advice.orders.order_search import Improved, improve
from plait.advice.orders.packed_schedules import by_latest_start, in_order_of_start, never_idle, one_by_one, pack
from plait.advice.simulation import simulate
from plait.plans.errors import CallError
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.schedule.jobs import Layout
from tests.support.drawn import RESOURCES, SLOTS, jobs
from tests.support.psplib import check_schedule


def searched(plan: list[Job], *, evaluations: int = 60, seed: int = 0) -> Improved:
    return improve(
        plan, slots=SLOTS, resources=RESOURCES, seconds=0, clock=lambda: 0.0, seed=seed, evaluations=evaluations
    )


def end_of(plan: list[Job], urgency: dict[str, float] | None) -> float:
    times = simulate(Dispatcher(plan, slots=SLOTS, resources=RESOURCES, urgency=urgency), {})
    return max(end for _, end in times.values())


@given(jobs(), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_what_is_found_is_what_the_dispatcher_makes_of_it(plan: list[Job], seed: int) -> None:
    found = searched(plan, seed=seed)
    assert end_of(plan, found.urgency) == found.elapsed
    assert end_of(plan, None) == found.rule_elapsed
    assert found.bound == lower_bound(plan, SLOTS, RESOURCES)
    assert found.bound.seconds - 1e-6 <= found.schedule_elapsed <= found.elapsed <= found.rule_elapsed
    check_schedule(plan, found.schedule, slots=SLOTS, resources=RESOURCES)


@given(jobs(most=5, alternatives=False, classes=False))
@settings(deadline=None, max_examples=40)
def test_a_small_plan_is_played_as_well_as_by_any_order(plan: list[Job]) -> None:
    orders = permutations(job.id for job in plan)
    best = min(end_of(plan, {task: -float(turn) for turn, task in enumerate(order)}) for order in orders)
    assert searched(plan, evaluations=400).elapsed <= best + 1e-6


@given(jobs(alternatives=False, classes=False))
@settings(deadline=None)
def test_the_search_plays_as_the_dispatcher_does(plan: list[Job]) -> None:
    layout = Layout(plan, slots=SLOTS, resources=RESOURCES, urgency=None)
    packed = pack(layout, layout.graph.before)
    found = never_idle(packed, layout.by_rank, packed.forth)
    times = simulate(Dispatcher(plan, slots=SLOTS, resources=RESOURCES), {})
    assert dict(zip(layout.graph.ids, found.starts, strict=True)) == {task: start for task, (start, _) in times.items()}
    if all(job.seconds for job in plan):
        assert never_idle(packed, in_order_of_start(found.starts, packed.forth), packed.forth) == found
    later = by_latest_start(packed, found.starts)
    assert sorted(later) == sorted(layout.by_rank)


@given(jobs(alternatives=False), st.booleans())
@settings(deadline=None)
def test_a_list_makes_a_valid_schedule_in_both_directions(plan: list[Job], back: bool) -> None:
    layout = Layout(plan, slots=SLOTS, resources=RESOURCES, urgency=None)
    packed = pack(layout, layout.graph.before)
    way = packed.back if back else packed.forth
    found = one_by_one(packed, way.order, way)
    ids = layout.graph.ids
    turned = [Job(job.id, job.role, job.seconds, uses=job.uses, units=job.units) for job in plan]
    times = {task: (start, start + job.seconds) for task, start, job in zip(ids, found.starts, plan, strict=True)}
    check_schedule(turned, times, slots=SLOTS, resources=RESOURCES)
    for place, before in enumerate(way.before):
        assert all(times[ids[need]][1] <= times[ids[place]][0] for need in before)
    assert found.end == max(end for _, end in times.values())


WORTH_IT = [Job("long", "worker", 6), Job("a", "worker", 5), Job("b", "worker", 4)]
WORTH_IT += [Job(f"half {turn}", "worker", 3) for turn in range(4)]


def on_two(plan: list[Job], **limits: int) -> Improved:
    return improve(plan, slots={"worker": 2}, seconds=5, clock=lambda: 0.0, **limits)


def test_the_same_seed_finds_the_same() -> None:
    plan = [
        Job(f"t{turn}", "worker", 1 + turn * 37 % 23, ((f"t{turn // 3}",),) if turn % 4 else ())
        for turn in range(1, 60)
    ]
    plan.insert(0, Job("t0", "worker", 2))
    assert on_two(plan, evaluations=50, seed=3) == on_two(plan, evaluations=50, seed=3)


def test_a_plan_at_its_bound_is_left_alone() -> None:
    found = improve([Job("a", "qa", 5)], slots={"qa": 1}, seconds=1, clock=lambda: 0.0)
    assert (found.evaluations, found.elapsed, found.schedule) == (0, 5, {"a": (0, 5)})
    assert improve([], slots={"qa": 1}, seconds=1, clock=lambda: 0.0).urgency == {}


def test_a_bad_pairing_is_mended_by_the_search() -> None:
    found = on_two(WORTH_IT, evaluations=200)
    assert found.elapsed <= found.rule_elapsed
    assert found.elapsed == 14


def test_the_search_ends_with_its_time() -> None:
    ticks = count()
    plan = [Job(f"t{turn}", "worker", 2) for turn in range(5)]
    found = improve(plan, slots={"worker": 2}, seconds=50, clock=lambda: float(next(ticks)))
    assert 40 <= found.evaluations < next(ticks) <= 52
    assert found.elapsed == found.rule_elapsed == 6


def test_classes_stay_first() -> None:
    plan = [Job("low", "qa", 3, priority=4), Job("high", "qa", 3, priority=1), Job("last", "qa", 9, (("low",),), 4)]
    found = improve(plan, slots={"qa": 1}, seconds=0, clock=lambda: 0.0, evaluations=50)
    assert Dispatcher(plan, slots={"qa": 1}, urgency=found.urgency).ready[0] == "high"


def test_what_cannot_start_is_refused() -> None:
    with pytest.raises(CallError, match="takes 1 of role"):
        improve([Job("a", "nobody", 1)], slots={"qa": 1}, seconds=1, clock=lambda: 0.0)
