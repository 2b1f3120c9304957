"""Small tasks go to one agent only where the plan ends sooner by it, and nothing else of the plan changes."""

import math
from random import Random
from statistics import median

import pytest
from hypothesis import given, settings

from plait.advice.forecasts.bundle_search import ChosenBundles, bundled_jobs, choose_bundles
from plait.advice.forecasts.estimating import Durations, FinishedTask, Lognormal, sum_of
from plait.advice.forecasts.sampling import Sampler
from plait.advice.simulation import play
from plait.plans.language.crew import Crew, merge_crews
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.need_graph import Graph
from plait.plans.tasks.bundling import (
    MOST_MEMBERS,
    bursts_of,
    place_of,
    together,
    with_bundles,
)
from plait.plans.tasks.expansion import Expansion
from tests.support.bundles import (
    MINUTE,
    SLOTS,
    SMALL,
    burst,
    expanded,
    ids,
    jobs_of,
    plans,
    schemes_of,
    shared,
)


@given(plans(), SLOTS)
@settings(deadline=None)
def test_every_task_is_in_exactly_one_place_and_bundles_cross_nothing(plan: Expansion, slots: dict[str, int]) -> None:
    _, made = shared(plan, slots=slots)

    assert sorted(one.id for task in made.tasks for one in task.members or (task,)) == sorted(ids(plan.tasks))
    for task in made.tasks:
        kinds = {
            (one.role, one.task.complexity, one.task.priority, place_of(one.task), frozenset(one.needs))
            for one in task.members
        }
        assert len(kinds) == (1 if task.members else 0)
        assert all(one.role == "qa" and one.seconds <= 40 * MINUTE and one.task.bundle for one in task.members)
        assert len(task.members) != 1


@given(plans(), SLOTS)
@settings(deadline=None)
def test_needs_stay_as_they_are_and_go_in_no_circle(plan: Expansion, slots: dict[str, int]) -> None:
    _, made = shared(plan, slots=slots)

    Graph({task.id: task.needs for task in made.tasks})
    whole = {one.id: task.id for task in made.tasks for one in task.members or (task,)}
    before = {(whole[task.id], whole[need]) for task in plan.tasks for group in task.needs for need in group}
    assert {(task.id, need) for task in made.tasks for group in task.needs for need in group} == before


@given(plans(), SLOTS)
@settings(deadline=None)
def test_on_the_same_draws_the_plan_never_ends_later(plan: Expansion, slots: dict[str, int]) -> None:
    jobs = jobs_of(plan)
    chosen = choose_bundles(jobs, schemes_of(plan), slots=slots)

    whole = bundled_jobs(jobs, chosen.bundles)
    place = {job.id: at for at, job in enumerate(jobs)}
    parts = {part.tasks[0]: part for part in chosen.bundles}
    ends: list[tuple[float, float]] = []
    for seconds in Sampler(jobs, Durations()).draw(200, 0):
        drawn = [
            together((seconds[place[one]] for one in parts[job.id].tasks), parts[job.id].start_up)
            if job.id in parts
            else seconds[place[job.id]]
            for job in whole
        ]
        pair = (Dispatcher(jobs, slots=slots), seconds), (Dispatcher(whole, slots=slots), drawn)
        plain, with_parts = (max(play(dispatcher.states, own)[1]) for dispatcher, own in pair)
        ends.append((plain, with_parts))
    assert sum(one[1] for one in ends) <= sum(one[0] for one in ends) + 1e-3
    assert median(one[1] for one in ends) <= median(one[0] for one in ends) + 1e-3
    assert chosen.saved_p50 >= 0
    assert chosen.saved_mean >= 0
    assert bool(chosen.bundles) == (chosen.saved_p50 > 0)


@given(plans(), SLOTS)
@settings(deadline=None, max_examples=30)
def test_the_same_plan_gives_the_same_bundles_and_without_a_start_up_none(
    plan: Expansion, slots: dict[str, int]
) -> None:
    assert shared(plan, slots=slots) == shared(plan, slots=slots)
    assert bursts_of(plan, merge_crews(Crew())) == ()
    assert with_bundles(plan, ()) == plan


def test_a_burst_wider_than_its_slots_goes_to_as_many_agents_as_there_are() -> None:
    chosen, made = shared(expanded(*burst()), slots={"qa": 2})
    assert ids(made.tasks) == ["t1-and-1-more", "t3-and-1-more"]
    assert [task.seconds / MINUTE for task in made.tasks] == [20, 20]
    assert 3 * MINUTE < chosen.saved_p50 < 15 * MINUTE
    assert shared(expanded(*burst()), slots={"qa": 4})[0] == ChosenBundles(), "each has an agent to itself"


def test_a_burst_that_nothing_waits_for_is_left_alone() -> None:
    long = {**SMALL, "id": "long", "role": "backend", "duration": "40h"}
    assert shared(expanded(*burst(), long), slots={"qa": 2, "backend": 1})[0].saved_p50 == pytest.approx(0, abs=MINUTE)


def test_what_is_needed_soon_does_not_wait_for_what_is_not() -> None:
    last = {**SMALL, "id": "last", "role": "backend", "duration": "2h", "needs": ["t1", "t4"]}
    _, made = shared(expanded(*burst(), last), slots={"qa": 1, "backend": 1})
    assert ids(made.tasks)[0] == "t1-and-1-more"
    assert made.tasks[-1].needs == (("t1-and-1-more",),)
    assert ids(made.tasks[0].members) == ["t1", "t4"]


def test_no_bundle_is_larger_than_an_agent_can_be_trusted_with() -> None:
    many = [{**SMALL, "id": f"t{number}"} for number in range(1, 3 * MOST_MEMBERS)]
    _, made = shared(expanded(*many), slots={"qa": 1})
    assert [len(task.members) for task in made.tasks] == [8, 8, 7]


def test_a_phase_holds_the_bundle_of_its_tasks() -> None:
    made = expanded(*burst(), phases=[{"id": "one", "tasks": ["t1", "t2", "t3", "t4"]}])
    _, made = shared(made, slots={"qa": 2})
    assert made.phases == (("t1-and-1-more", "t3-and-1-more"),)
    assert {task.phase for task in made.tasks} == {"one"}


@pytest.mark.parametrize("size", [2, 4, 8])
def test_the_sum_of_lognormals_is_what_drawing_them_says(size: int) -> None:
    draw = Random(5)  # noqa: S311 - of no secret
    medians = [11.0 + at for at in range(size)]
    sums = sorted(together((one * math.exp(draw.gauss(0, 0.75)) for one in medians), 10) for _ in range(20_000))
    made = sum_of([Lognormal(one, 0.75) for one in medians], start_up=10)
    assert made.median == pytest.approx(sums[10_000], rel=0.05)
    assert made.median * math.exp(1.2816 * made.sd) == pytest.approx(sums[18_000], rel=0.05)
    assert sum_of([Lognormal(10, 0), Lognormal(20, 0)], start_up=5) == Lognormal(pytest.approx(25), 0)


def test_history_corrects_the_start_up_together_with_the_durations() -> None:
    plan, slots = expanded(*burst()), {"qa": 2}
    jobs, schemes = jobs_of(plan), schemes_of(plan)
    faster = Durations().learning([FinishedTask("qa", 600.0, 60.0)] * 5_000)
    quick = choose_bundles(jobs, schemes, slots=slots, durations=faster)
    assert [part.tasks for part in quick.bundles] == [("t1", "t2"), ("t3", "t4")]
    assert quick.saved_p50 == pytest.approx(60, rel=0.02), "a tenth of ten minutes"
