"""The dispatcher on projects and workflows that others made: valid, never below the proven bound, and near the best."""

from collections import defaultdict
from statistics import mean

import pytest

from plait.advice.bounds import lower_bound
from plait.advice.orders.order_search import improve
from plait.advice.simulation import simulate
from plait.plans.schedule.dispatch import Dispatcher
from tests.support.psplib import ROLE, Instance, check_schedule, psplib_instances, workflow_traces

INSTANCES = psplib_instances()


def played(instance: Instance) -> float:
    dispatcher = Dispatcher(instance.jobs, slots=instance.slots, resources=instance.resources)
    times = simulate(dispatcher, {})
    check_schedule(instance.jobs, times, slots=instance.slots, resources=instance.resources)
    return max(end for _, end in times.values())


def gaps_after(instance: Instance, *, evaluations: int) -> tuple[float, float]:
    """The gaps of the schedule and of the dispatcher's play after a search of some evaluations."""
    found = improve(
        instance.jobs,
        slots=instance.slots,
        resources=instance.resources,
        seconds=0,
        clock=lambda: 0.0,
        evaluations=evaluations,
    )
    check_schedule(instance.jobs, found.schedule, slots=instance.slots, resources=instance.resources)
    dispatcher = Dispatcher(instance.jobs, slots=instance.slots, resources=instance.resources, urgency=found.urgency)
    times = simulate(dispatcher, {})
    check_schedule(instance.jobs, times, slots=instance.slots, resources=instance.resources)
    assert max(end for _, end in times.values()) == found.elapsed
    assert instance.lower_bound <= found.schedule_elapsed <= found.elapsed <= found.rule_elapsed
    return found.schedule_elapsed / instance.best_known - 1, found.elapsed / instance.best_known - 1


def test_there_are_twelve_instances_of_each_size() -> None:
    families = [instance.family for instance in INSTANCES]
    assert {family: families.count(family) for family in families} == {"j30": 12, "j60": 12, "j90": 12, "j120": 12}
    assert len(INSTANCES[0].jobs) == 32
    assert INSTANCES[0].lower_bound <= INSTANCES[0].best_known


def test_the_rule_is_near_the_best_known() -> None:
    gaps = defaultdict(list)
    for instance in INSTANCES:
        end = played(instance)
        assert end >= instance.lower_bound
        gaps[instance.family].append(end / instance.best_known - 1)
    most = {"j30": 0.05, "j60": 0.055, "j90": 0.04, "j120": 0.11}
    assert {family: mean(found) for family, found in gaps.items() if mean(found) > most[family]} == {}


def test_our_bound_is_never_above_the_best_known() -> None:
    for instance in INSTANCES:
        assert lower_bound(instance.jobs, instance.slots, instance.resources).seconds <= instance.best_known


@pytest.mark.parametrize(
    ("family", "most_listed", "most_played"),
    [("j30", 0.015, 0.03), ("j60", 0.025, 0.045), ("j90", 0.02, 0.035), ("j120", 0.06, 0.08)],
)
def test_a_search_comes_nearer(family: str, most_listed: float, most_played: float) -> None:
    """Six instances of a family and 300 evaluations: a third of a second on a quiet machine."""
    some = [instance for instance in INSTANCES if instance.family == family][::2]
    listed, by_dispatcher = zip(*[gaps_after(instance, evaluations=300) for instance in some], strict=True)
    assert mean(listed) <= most_listed
    assert mean(by_dispatcher) <= most_played


def test_the_traces_of_real_workflows_run_near_their_bound() -> None:
    ratios = []
    for jobs in workflow_traces().values():
        for slots in (4, 16, 64):
            times = simulate(Dispatcher(jobs, slots={ROLE: slots}), {})
            check_schedule(jobs, times, slots={ROLE: slots}, resources={})
            ratios.append(max(end for _, end in times.values()) / lower_bound(jobs, {ROLE: slots}).seconds)
    assert len(ratios) == 12
    assert min(ratios) >= 1 - 1e-9
    assert mean(ratios) <= 1.05
