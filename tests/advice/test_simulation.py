"""A simulated run keeps to the plan and the crew, and ends between what is possible and what is guaranteed."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from plait.advice.bounds import lower_bound
from plait.advice.simulation import play, simulate
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.schedule.need_graph import Graph
from plait.plans.tasks.states import TaskState
from tests.support.drawn import RESOURCES, SLOTS, jobs
from tests.support.effort import effort

PLAIN = {"alternatives": False, "scarce": False, "classes": False}


def at_once(times: dict[str, tuple[float, float]], moment: float) -> list[str]:
    return [task for task, (start, end) in times.items() if start <= moment < end]


@given(jobs(), st.randoms(use_true_random=False))
def test_limits_and_needs_hold_with_any_durations(plan: list[Job], random: Random) -> None:
    durations = {job.id: float(random.randint(1, 9)) for job in plan}
    times = simulate(Dispatcher(plan, slots=SLOTS, resources=RESOURCES), durations)
    assert set(times) == {job.id for job in plan}
    by_id = {job.id: job for job in plan}
    for task, (start, end) in times.items():
        assert end - start == durations[task]
        assert all(any(times[need][1] <= start for need in group) for group in by_id[task].needs)
        running = [by_id[other] for other in at_once(times, start)]
        for role, slots in SLOTS.items():
            assert sum(job.units for job in running if job.role == role) <= slots
        for name, units in RESOURCES.items():
            assert sum(job.uses.get(name, 0) for job in running) <= units


@given(
    jobs() | jobs(**PLAIN) | jobs(fallbacks=True) | jobs(**PLAIN, fallbacks=True),
    st.integers(0, 6),
    st.randoms(use_true_random=False),
)
def test_a_simulation_is_what_the_dispatcher_does(plan: list[Job], before: int, random: Random) -> None:
    """Also from the middle of a run, and with work that is taken back or put aside."""
    durations = {job.id: float(random.randint(0, 9)) for job in plan}
    dispatcher = Dispatcher(plan, slots=SLOTS, resources=RESOURCES)
    now, times = go_on(dispatcher, durations, 0.0, ends=before)
    for task in durations:
        if dispatcher.state_of(task) == TaskState.DONE and random.random() < 0.2:
            dispatcher.reopen(task, now=now)
            del times[task]
        elif dispatcher.state_of(task) in (TaskState.PENDING, TaskState.READY) and random.random() < 0.1:
            dispatcher.hold(task)
    expected = simulate(dispatcher, durations, now=now)
    assert {task: end for task, (_, end) in expected.items()} == go_on(dispatcher, durations, now)[1]


def go_on(
    dispatcher: Dispatcher, durations: dict[str, float], now: float, *, ends: int = 1000
) -> tuple[float, dict[str, float]]:
    """Start and finish by hand, one end after the other: the moment of the last, and when each job ended."""
    due = {task: max(now, started_at(dispatcher, task) + durations[task]) for task in dispatcher.running}
    ended: dict[str, float] = {}
    while True:
        if not any(end <= now for end in due.values()):
            due |= {start.job.id: now + durations[start.job.id] for start in dispatcher.start(now)}
        if not due or (len(ended) >= ends and min(due.values()) > now):
            return now, ended
        task = min(due, key=lambda task: due[task])
        now = ended[task] = due.pop(task)
        dispatcher.finish(task, now=now, ok=True)


def started_at(dispatcher: Dispatcher, task: str) -> float:
    return dispatcher.states.started[dispatcher.layout.graph.place[task]]


@given(jobs(most=20, alternatives=False, scarce=False))
def test_the_end_is_between_the_bound_and_the_guarantee(plan: list[Job]) -> None:
    """Graham's argument: walk a chain back; whenever it waits, its role is full."""
    end = max(end for _, end in simulate(Dispatcher(plan, slots=SLOTS), {}).values())
    path = Graph({job.id: job.needs for job in plan}).timed({job.id: job.seconds for job in plan}).length
    work = sum(job.seconds / SLOTS[job.role] for job in plan)
    assert lower_bound(plan, SLOTS).seconds - 1e-9 <= end <= path + work + 1e-9


@given(jobs(scarce=False))
def test_no_bound_is_above_what_the_dispatcher_reaches(plan: list[Job]) -> None:
    end = max(end for _, end in simulate(Dispatcher(plan, slots=SLOTS), {}).values())
    assert lower_bound(plan, SLOTS).seconds <= end + 1e-9


@given(jobs(most=20, scarce=False, classes=False), st.randoms(use_true_random=False))
def test_what_waits_is_overtaken_in_its_role_only_by_what_is_no_less_urgent(plan: list[Job], random: Random) -> None:
    dispatcher = Dispatcher(plan, slots=SLOTS)
    times = simulate(dispatcher, {job.id: float(random.randint(1, 9)) for job in plan})
    urgency = dict(zip((job.id for job in plan), dispatcher.layout.urgency, strict=True))
    ready = {job.id: max((min(times[need][1] for need in group) for group in job.needs), default=0.0) for job in plan}
    for one in plan:
        for other in plan:
            if one.role == other.role and ready[one.id] <= times[other.id][0] < times[one.id][0]:
                assert urgency[other.id] >= urgency[one.id]


def test_a_simulation_goes_on_from_where_the_run_stands() -> None:
    plan = [Job("a", "qa", 10), Job("b", "qa", 5, (("a",),)), Job("c", "qa", 7)]
    dispatcher = Dispatcher(plan, slots={"qa": 1})
    dispatcher.settle("c", now=100.0)
    dispatcher.start(100.0)
    assert simulate(dispatcher, {}, now=104.0) == {"a": (100.0, 110.0), "b": (110.0, 115.0)}
    assert simulate(dispatcher, {}, now=120.0) == {"a": (100.0, 120.0), "b": (120.0, 125.0)}
    assert dispatcher.state_of("b") == TaskState.PENDING


def test_the_worked_example_of_a_shopping_cart() -> None:
    plan = [
        Job("001", "architect", 2),
        Job("002", "backend A", 6, (("001",),)),
        Job("003", "frontend", 5, (("001",),)),
        Job("004", "backend B", 4, (("001",),)),
        Job("005", "qa", 4, (("001",),)),
        Job("006", "qa", 2, (("002",), ("003",), ("004",), ("005",))),
    ]
    times = simulate(Dispatcher(plan, slots={job.role: 1 for job in plan}), {})
    assert times["006"] == (8, 10)


def test_a_thousand_tasks_are_played_with_little_effort() -> None:
    """Three hundred times in about a second."""
    plan = [
        Job(f"t{number}", sorted(SLOTS)[number * 7919 % 3], 60.0 + number * 104729 % 3600, two_needs(number))
        for number in range(1000)
    ]
    dispatcher = Dispatcher(plan, slots={role: 3 * slots for role, slots in SLOTS.items()})
    seconds = [job.seconds for job in plan]
    with effort(most=100 * len(plan)):
        play(dispatcher.states.copy(), seconds)


def two_needs(number: int) -> tuple[tuple[str, ...], ...]:
    return tuple({(f"t{number - 1 - number * step % min(number, 300)}",) for step in (31, 173)}) if number else ()
