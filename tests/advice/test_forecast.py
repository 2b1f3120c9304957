"""A forecast keeps to the graph, to the limits and to itself, whatever the plan."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.forecasts.estimating import Durations, FinishedTask
from plait.advice.forecasts.forecast_record import Band, Forecast
from plait.advice.forecasts.plan_forecast import forecast, is_better_order
from plait.advice.simulation import schedule_of
from plait.plans.errors import CallError
from plait.plans.language.durations import Estimate
from plait.plans.schedule.dispatch import Dispatcher, Job
from tests.support.drawn import RESOURCES, SLOTS, jobs

CART = [
    Job("design", "architect", 2.0),
    Job("api", "backend", 6.0, (("design",),)),
    Job("events", "backend", 4.0, (("design",),)),
    Job("page", "frontend", 5.0, (("design",),)),
    Job("tests", "qa", 2.0, (("api",), ("events",), ("page",))),
]


def of(plan: list[Job], *, samples: int = 20, seed: int = 0) -> Forecast:
    return forecast(plan, slots=SLOTS, resources=RESOURCES, samples=samples, seed=seed)


def graph_of(plan: list[Job]) -> nx.DiGraph:
    """Two nodes a task, its duration on the edge between them."""
    graph = nx.DiGraph()
    for job in plan:
        graph.add_edge("start", (job.id, "in"), weight=0)
        graph.add_edge((job.id, "in"), (job.id, "out"), weight=job.seconds)
        for (need,) in job.needs:
            graph.add_edge((need, "out"), (job.id, "in"), weight=0)
    return graph


@given(jobs(most=9, alternatives=False))
def test_the_critical_path_and_the_slack_are_those_of_networkx(plan: list[Job]) -> None:
    made, graph = of(plan, samples=0), graph_of(plan)
    length = nx.dag_longest_path_length(graph)
    by_id = {job.id: job for job in plan}
    assert sum(by_id[task].seconds for task in made.critical_path) == length
    for before, after in pairwise(made.critical_path):
        assert (before,) in by_id[after].needs
    for task in made.tasks:
        before = nx.ancestors(graph, (task.id, "in"))
        behind = nx.descendants(graph, (task.id, "out"))
        head = nx.dag_longest_path_length(graph.subgraph({*before, (task.id, "in")}))
        tail = nx.dag_longest_path_length(graph.subgraph({*behind, (task.id, "out")}))
        assert task.slack == pytest.approx(length - head - tail - by_id[task.id].seconds)
        assert task.critical == (task.slack == 0)


@given(jobs())
def test_no_figure_contradicts_another(plan: list[Job]) -> None:
    made = of(plan)
    assert made.elapsed >= made.bound.seconds - 1e-9
    assert made.work == sum(job.seconds for job in plan)
    assert made.elapsed == max(task.end for task in made.tasks)
    assert [task.id for task in made.tasks] == [job.id for job in plan]
    assert 0 < made.efficiency <= 1
    assert all(0 <= role.busy <= 1 + 1e-9 for role in made.roles)
    assert sum(role.waiting for role in made.roles) == sum(task.waits for task in made.tasks)
    assert made.agents >= len({job.role for job in plan})
    assert made.bottleneck.endswith(".")
    assert made.ends is not None
    for band in (made.ends, *(task.ends for task in made.tasks)):
        assert isinstance(band, Band)
        assert 0 <= band.p10 <= band.p50 <= band.p80 <= band.p90 <= band.p95


@given(jobs())
def test_one_more_agent_never_looks_slower_and_one_fewer_never_faster(plan: list[Job]) -> None:
    made = of(plan, samples=5)
    assert made.ends is not None
    units = {role: max(job.units for job in plan if job.role == role) for role in {job.role for job in plan}}
    assert {(variant.role, variant.slots) for variant in made.what_if} == {
        (role, SLOTS[role] + step) for role in units for step in (-1, 1) if SLOTS[role] + step >= units[role]
    }
    for variant in made.what_if:
        assert variant.p50 is not None
        if variant.slots > SLOTS[variant.role]:
            assert variant.elapsed <= made.elapsed
            assert variant.p50 <= made.ends.p50
        else:
            assert variant.elapsed >= made.elapsed
            assert variant.p50 >= made.ends.p50


@given(jobs())
def test_no_agent_does_two_tasks_at_once(plan: list[Job]) -> None:
    schedule = schedule_of(Dispatcher(plan, slots=SLOTS, resources=RESOURCES), [job.seconds for job in plan])
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for place, (job, numbers) in enumerate(zip(plan, schedule.instances, strict=True)):
        assert len(set(numbers)) == job.units
        assert all(1 <= number <= SLOTS[job.role] for number in numbers)
        for number in numbers:
            spans.setdefault((job.role, number), []).append((schedule.starts[place], schedule.ends[place]))
    for own in map(sorted, spans.values()):
        assert all(before[1] <= after[0] for before, after in pairwise(own))
    assert schedule.agents == len(spans)


@given(jobs(), st.integers(0, 1000))
def test_the_same_question_has_the_same_answer(plan: list[Job], seed: int) -> None:
    assert of(plan, samples=5, seed=seed) == of(plan, samples=5, seed=seed)


def test_a_plan_that_waits_for_a_role_says_so() -> None:
    made = forecast(CART, slots={"architect": 1, "backend": 1, "frontend": 1, "qa": 1}, samples=0)
    assert made.elapsed == 14
    assert made.ends is None
    assert made.bound.kind == "head-tail of role backend"
    assert made.bottleneck.startswith(
        "At the lower bound: the one backend agent is busy without a break from 2 s to 12 s;"
    )
    assert {task.id: task.waits for task in made.tasks if task.waits} == {"events": 6}
    assert [(variant.role, variant.elapsed) for variant in made.what_if] == [
        ("architect", 14),
        ("backend", 10),
        ("frontend", 14),
        ("qa", 14),
    ]


def test_a_plan_on_its_critical_path_names_the_chain() -> None:
    made = forecast(CART, slots={"architect": 1, "backend": 2, "frontend": 1, "qa": 1}, samples=0)
    assert made.bottleneck.startswith("At the lower bound: the chain design → api → tests takes 10 s,")
    assert made.agents == 5


def test_a_plan_above_its_limit_names_what_its_last_chain_waits_for() -> None:
    plan = [Job(f"t{number}", "qa", seconds) for number, seconds in enumerate((3.0, 3.0, 2.0, 2.0, 2.0))]
    made = forecast(plan, slots={"qa": 2}, samples=0)
    assert (made.elapsed, made.bound.seconds) == (7, 6)
    assert made.bottleneck == (
        "17 % above the lower bound of 6 s (work of role qa): the task t4 ends last and waits 5 s for 2 qa agents. "
        "Either the plan or the bound is loose."
    )


def test_a_resource_can_be_the_bottleneck() -> None:
    plan = [Job("a", "qa", 4.0, uses={"database": 1}), Job("b", "qa", 4.0, uses={"database": 1})]
    made = forecast(plan, slots={"qa": 2}, resources={"database": 1}, samples=0)
    assert made.elapsed == 8
    assert "the resource database" in made.bottleneck


def test_a_plan_above_its_limit_that_waits_for_a_resource_names_that_and_not_the_role() -> None:
    plan = [
        Job(f"t{number}", "qa", seconds, uses={"db": 1}) for number, seconds in enumerate((3.0, 3.0, 2.0, 2.0, 2.0))
    ]
    made = forecast(plan, slots={"qa": 5}, resources={"db": 2}, samples=0)
    assert (made.elapsed, made.bound.seconds) == (7, 6)
    assert "ends last and waits 5 s for the resource db." in made.bottleneck


def one_more_of(role: str, made: Forecast) -> float:
    slots = {one.role: one.slots for one in made.roles}
    return next(one.elapsed - made.elapsed for one in made.what_if if (one.role, one.slots) == (role, slots[role] + 1))


DB = {"db": 1}


@pytest.mark.parametrize(
    ("others", "advice"),
    [
        ([Job("c", "ui", 4.0), Job("d", "ui", 4.0)], "it takes one more of ui, too, or less work for them"),
        ([Job("c", "ui", 7.99)], "the task c takes 8 s, so it takes shorter tasks there, too"),
        ([Job("c", "x", 4.0, uses=DB), Job("d", "y", 4.0, uses=DB)], "it takes more units of the resource db, too"),
    ],
)
def test_the_advice_never_contradicts_the_table_of_one_more_agent(others: list[Job], advice: str) -> None:
    plan = [Job("a", "qa", 4.0), Job("b", "qa", 4.0), *others]
    made = forecast(plan, slots={"qa": 1, "ui": 1, "x": 1, "y": 1}, resources=DB, samples=0)
    assert made.bound.kind == "work of role qa"
    assert one_more_of("qa", made) == pytest.approx(0, abs=0.01)
    assert made.bottleneck.endswith(f"; one more of them alone does not help: {advice}.")


def test_where_more_agents_do_not_help_because_tasks_are_large_smaller_ones_are_advised() -> None:
    plan = [Job("a", "qa", 4.0), Job("b", "qa", 4.0), Job("c", "qa", 4.0), Job("d", "qa", 4.0)]
    made = forecast(plan, slots={"qa": 2}, samples=0)
    assert (made.elapsed, one_more_of("qa", made)) == (8, 0)
    assert "one more of them alone does not help: smaller tasks would, or less work for qa." in made.bottleneck


def test_where_one_more_agent_helps_that_is_the_advice() -> None:
    made = forecast([Job("a", "qa", 4.0), Job("b", "qa", 4.0)], slots={"qa": 1}, samples=0)
    assert one_more_of("qa", made) == -4
    assert "to end sooner it takes one more of them, or less work for the role." in made.bottleneck


def test_a_plan_without_any_time_has_an_answer() -> None:
    made = forecast([Job("a", "qa", 0.0)], slots={"qa": 1})
    assert (made.elapsed, made.speed_up, made.efficiency, made.bound_ratio) == (0, 1, 1, 1)
    assert made.bottleneck == "Nothing in this plan takes any time."


def test_a_crew_that_cannot_do_the_plan_is_an_error() -> None:
    with pytest.raises(CallError, match="has 0 slots"):
        forecast(CART, slots={"architect": 1})


def test_history_moves_the_schedule_and_is_told() -> None:
    slots = {"architect": 1, "backend": 2, "frontend": 1, "qa": 1}
    slow = Durations().learning(FinishedTask("backend", 10.0, 20.0) for _ in range(1000))
    made = forecast(CART, slots=slots, durations=slow, samples=0)
    assert made.elapsed == pytest.approx(2 + 12 + 2, rel=0.01)
    assert made.learned == ("backend: 1000 finished tasks took 2 times the estimate, so estimates count 2.00 times",)


def test_an_order_is_better_only_when_it_wins_on_the_same_draws() -> None:
    plan = [Job(f"t{number}", "qa", seconds) for number, seconds in enumerate((3.0, 3.0, 2.0, 2.0, 2.0))]
    best_on_paper = {"t0": 5.0, "t2": 4.0, "t3": 3.0, "t1": 2.0, "t4": 1.0}
    exact = Durations({job.id: Estimate(0.99 * job.seconds, job.seconds, 1.01 * job.seconds) for job in plan})
    assert forecast(plan, slots={"qa": 2}, samples=0).elapsed == 7
    assert forecast(plan, slots={"qa": 2}, urgency=best_on_paper, samples=0).elapsed == 6
    assert is_better_order(plan, best_on_paper, slots={"qa": 2}, durations=exact)
    assert not is_better_order(plan, best_on_paper, slots={"qa": 2}), "longest first is safer when nothing is certain"
    assert not is_better_order(plan, {job.id: job.seconds for job in plan}, slots={"qa": 2}, durations=exact)
