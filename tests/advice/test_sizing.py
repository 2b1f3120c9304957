"""The crew that a plan is worth: never more agents than can work, each of them worth it, the same each time."""

from itertools import combinations, pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.advice.forecasts.plan_forecast import forecast
from plait.advice.forecasts.sizing import Sizing, knee_of, size_crew
from plait.advice.forecasts.width import widths
from plait.advice.simulation import play
from plait.plans.errors import CallError
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.schedule.need_graph import Graph
from plait.show.forecast_json import sizing_record
from tests.support.drawn import RESOURCES, jobs
from tests.support.forecasts import many_jobs

CART = [
    Job("design", "architect", 2.0),
    Job("api", "backend", 6.0, (("design",),)),
    Job("events", "backend", 4.0, (("design",),)),
    Job("page", "frontend", 5.0, (("design",),)),
    Job("tests", "qa", 2.0, (("api",), ("events",), ("page",))),
]
HALVES = [Job(f"{role}{number}", role, 1.0) for number in range(4) for role in ("backend", "frontend", "qa")]


def of(plan: list[Job], *, samples: int = 40, agents: int | None = None) -> Sizing:
    return size_crew(plan, resources=RESOURCES, samples=samples, agents=agents)


def end(plan: list[Job], slots: dict[str, int]) -> float:
    return max(play(Dispatcher(plan, slots=slots, resources=RESOURCES).states, [job.seconds for job in plan])[1])


def roles_for(job: Job) -> set[str]:
    return {job.role, *job.fallback}


def width_by_trying(plan: list[Job], role: str) -> int:
    """The largest set of the jobs that a role may do of which none comes behind another."""
    graph = nx.DiGraph([(need, job.id) for job in plan for (need, *rest) in job.needs if not rest])
    graph.add_nodes_from(job.id for job in plan)
    behind = {(a, b) for a in graph for b in nx.descendants(graph, a)}
    own = [job for job in plan if role in roles_for(job)]
    return max(
        sum(job.units for job in some)
        for size in range(1, len(own) + 1)
        for some in combinations(own, size)
        if not any((a.id, b.id) in behind or (b.id, a.id) in behind for a, b in combinations(some, 2))
    )


@given(jobs(most=9, scarce=False))
def test_a_role_is_as_wide_as_the_largest_set_of_its_jobs_that_can_run_at_once(plan: list[Job]) -> None:
    found = widths(plan, Graph({job.id: job.needs for job in plan}))
    assert found == {role: width_by_trying(plan, role) for job in plan for role in roles_for(job)}


@given(jobs(most=8))
def test_jobs_of_several_slots_are_never_taken_for_narrower_than_they_are(plan: list[Job]) -> None:
    found = widths(plan, Graph({job.id: job.needs for job in plan}))
    assert all(found[role] >= width_by_trying(plan, role) for role in found)


def test_a_role_that_others_fall_back_on_can_have_their_work_too() -> None:
    plan = [Job("a", "qa", 1.0), Job("b", "backend", 1.0, fallback=("qa",)), Job("c", "backend", 1.0, (("b",),))]
    assert widths(plan, Graph({job.id: job.needs for job in plan})) == {"qa": 2, "backend": 1}


@settings(deadline=None)
@given(jobs())
def test_each_step_is_a_crew_that_can_work_and_ends_when_the_forecast_says(plan: list[Job]) -> None:
    sizing = of(plan)
    least = {role: max(job.units for job in plan if job.role == role) for role in {job.role for job in plan}}
    assert sizing.steps[0].slots == least
    assert sizing.pick in sizing.steps
    assert sizing.reason.endswith(".")
    for step in sizing.steps:
        assert all(least[role] <= slots <= max(least[role], sizing.widths[role]) for role, slots in step.slots.items())
        made = forecast(plan, slots=dict(step.slots), resources=RESOURCES, samples=0, what_if=False)
        assert step.elapsed == made.elapsed
        assert 0 < step.efficiency <= 1 + 1e-9


@settings(deadline=None)
@given(jobs())
def test_from_step_to_step_each_further_agent_saves_two_percent(plan: list[Job]) -> None:
    for before, after in pairwise(of(plan).steps):
        share = 0.98 ** (after.agents - before.agents)
        assert after.agents > before.agents
        assert after.elapsed <= before.elapsed
        assert before.p80 is not None
        assert after.p80 is not None
        assert after.elapsed <= before.elapsed * share or after.p80 <= before.p80 * share


@settings(deadline=None)
@given(jobs(most=8, scarce=False), st.integers(3, 6))
def test_no_more_agents_are_proposed_than_there_may_be(plan: list[Job], agents: int) -> None:
    assert all(step.agents <= agents for step in of(plan, agents=agents).steps)
    limited = size_crew(plan, limits={"backend": 1}, samples=10)
    assert all(step.slots.get("backend", 1) == 1 for step in limited.steps)


@settings(deadline=None)
@given(jobs(most=8, scarce=False, classes=False, alternatives=False))
def test_no_crew_of_that_size_would_be_much_quicker_than_the_pick(plan: list[Job]) -> None:
    """All crews of small plans are tried; list schedules have anomalies, so a tenth is allowed for."""
    pick = of(plan, samples=0).pick
    roles = list(pick.slots)
    best = min(end(plan, dict(zip(roles, crew, strict=True))) for crew in _crews(len(roles), pick.agents))
    assert pick.elapsed <= 1.1 * best + 1e-9


def _crews(roles: int, agents: int) -> list[tuple[int, ...]]:
    if roles == 1:
        return [(agents,)]
    return [(first, *rest) for first in range(1, agents - roles + 2) for rest in _crews(roles - 1, agents - first)]


@given(jobs(), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_the_same_question_has_the_same_answer(plan: list[Job], seed: int) -> None:
    one, other = (size_crew(plan, resources=RESOURCES, samples=20, seed=seed) for _ in range(2))
    assert one == other


def test_the_agent_that_a_plan_waits_for_is_added_and_no_other() -> None:
    sizing = of(CART, samples=0)
    assert [dict(step.slots) for step in sizing.steps] == [
        {"architect": 1, "backend": 1, "frontend": 1, "qa": 1},
        {"architect": 1, "backend": 2, "frontend": 1, "qa": 1},
    ]
    assert [(step.agents, step.elapsed) for step in sizing.steps] == [(4, 14), (5, 10)]
    assert sizing.pick is sizing.steps[1]
    assert sizing.pick.efficiency == 19 / 50
    assert sizing.reason == (
        "5 agents: 10 s as expected, instead of 14 s with 4. "
        "No crew ends it sooner: it is as long as its longest chain."
    )


def test_roles_that_bind_alike_are_all_given_one_more() -> None:
    """No single agent, and no two, shorten this plan."""
    assert [step.agents for step in of(HALVES, samples=0).steps] == [3, 6, 12]


def test_a_plateau_is_crossed_when_the_next_gain_pays_for_all_agents_on_the_way() -> None:
    ten = [Job(f"t{number}", "qa", 1.0) for number in range(10)]
    assert [(step.agents, step.elapsed) for step in of(ten, samples=0).steps] == [
        *((1, 10), (2, 5), (3, 4), (4, 3), (5, 2), (10, 1)),
    ]


def test_what_the_simulation_says_of_the_pick_is_told() -> None:
    ten = [Job(f"t{number}", "qa", 5.0 if number < 2 else 1.0) for number in range(10)]
    assert [step.agents for step in of(ten, samples=0).steps] == [1, 2, 3, 4]
    assert "P80" not in of(ten, samples=0).reason
    assert "the P80" in of(ten, samples=300).reason


def test_an_agent_who_only_helps_when_things_take_longer_can_be_worth_it() -> None:
    plan = [
        Job("long", "qa", 10.0),
        *(Job(f"t{number}", "backend", 4.5) for number in range(2)),
    ]
    sizing = of(plan, samples=300)
    assert [step.elapsed for step in sizing.steps] == [10, 10]
    assert sizing.steps[1].slots["backend"] == 2


def test_the_knee_is_where_agents_times_both_times_are_least() -> None:
    sizing = size_crew(many_jobs(60), samples=50)
    assert all(step.p80 is not None for step in sizing.steps)
    assert sizing.pick == knee_of(sizing.steps)
    costs = {step.agents: step.agents * step.elapsed * (step.p80 or 0) for step in sizing.steps}
    assert costs[sizing.pick.agents] == min(costs.values())


def test_a_large_plan_is_searched_within_bounds_and_says_so() -> None:
    sizing = size_crew(many_jobs(3000), samples=300)
    assert any("large" in note for note in sizing.notes)
    assert sizing.pick.agents > 5
    assert sizing.pick.p80 is not None


def test_a_crew_that_cannot_do_the_plan_is_refused() -> None:
    with pytest.raises(CallError, match="it takes 4 agents at least, and there are 3"):
        of(CART, agents=3)
    with pytest.raises(CallError, match="takes 2 slots of role 'qa', which may have 1"):
        size_crew([Job("a", "qa", 1.0, units=2)], limits={"qa": 1})
    with pytest.raises(CallError, match="no task"):
        size_crew([])


def test_a_plan_that_takes_no_time_has_the_smallest_crew() -> None:
    sizing = of([Job("a", "qa", 0.0), Job("b", "qa", 0.0)])
    assert (dict(sizing.pick.slots), sizing.pick.efficiency) == ({"qa": 1}, 1)


def test_a_limit_is_told_as_the_reason() -> None:
    assert "More are not allowed" in of(HALVES, samples=0, agents=6).reason
    limited = size_crew(CART, limits={"backend": 1}, samples=0)
    assert limited.reason.endswith(
        "No crew within these limits ends it sooner: the head-tail of role backend holds it up."
    )


def test_the_record_has_all_figures_in_hours() -> None:
    said = sizing_record(size_crew([Job(job.id, job.role, 3600 * job.seconds, job.needs) for job in CART], samples=0))
    assert said["pick"] == {"architect": 1, "backend": 2, "frontend": 1, "qa": 1}
    assert said["steps"][1] == {
        "agents": 5,
        "slots": said["pick"],
        "elapsed_hours": 10,
        "p80_hours": None,
        "efficiency": 0.38,
        "agent_hours": 50,
    }


def test_agents_who_would_only_wait_for_a_resource_are_not_proposed() -> None:
    plan = [Job(f"t{number}", "qa", 1.0, uses={"port": 1}) for number in range(4)]
    assert dict(of(plan, samples=0).pick.slots) == {"qa": 1}
