"""An idle slot takes the most urgent work of the roles that fall back on it: never before its own, never further."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.bounds import Bound, lower_bound
from plait.advice.forecasts.plan_forecast import forecast
from plait.advice.simulation import play, play_out, schedule_of, simulate
from plait.plans.schedule.dispatch import Dispatcher, Job, Start
from plait.plans.tasks.states import TaskState
from tests.support.drawn import RESOURCES, SLOTS, jobs
from tests.support.effort import effort

PLANS = jobs(most=20, fallbacks=True, classes=False) | jobs(most=20, fallbacks=True, classes=False, scarce=False)


def job(name: str, *needs: str, role: str = "backend", seconds: float = 60, fallback: tuple[str, ...] = ()) -> Job:
    return Job(name, role, seconds, tuple((need,) for need in needs), fallback=fallback)


def who(starts: list[Start]) -> dict[str, str]:
    return {start.job.id: start.agent for start in starts}


class Naive:
    """The schedule as the words have it: at each end, own work first, then the most urgent that another role can do."""

    def __init__(self, plan: list[Job], order: list[str], seconds: dict[str, float]) -> None:
        self.jobs = sorted(plan, key=lambda job: order.index(job.id))
        self.seconds = seconds
        self.starts: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.role: dict[str, str] = {}
        now = 0.0
        while len(self.starts) < len(plan):
            while (found := self.next_start(now)) is not None:
                job, role = found
                self.starts[job.id], self.ends[job.id], self.role[job.id] = now, now + seconds[job.id], role
            now = min((end for end in self.ends.values() if end > now), default=now)

    def next_start(self, now: float) -> tuple[Job, str] | None:
        ready = [job for job in self.jobs if job.id not in self.starts and self.is_ready(job, now)]
        for own in ready:
            if self.fits(own, own.role, now):
                return own, own.role
        for other in ready:
            for role in other.fallback:
                if self.fits(other, role, now):
                    return other, role
        return None

    def is_ready(self, job: Job, now: float) -> bool:
        return all(any(self.ends.get(need, now + 1) <= now for need in group) for group in job.needs)

    def fits(self, job: Job, role: str, now: float) -> bool:
        slots, units = Counter[str](), Counter[str]()
        for other in self.jobs:
            if self.starts.get(other.id, now + 1) <= now < self.ends.get(other.id, now):
                slots[self.role[other.id]] += other.units
                units.update(other.uses)
        return slots[role] + job.units <= SLOTS[role] and all(
            units[name] + needed <= RESOURCES[name] for name, needed in job.uses.items()
        )


@given(PLANS, st.randoms(use_true_random=False))
def test_a_schedule_is_what_the_words_say(plan: list[Job], random: Random) -> None:
    dispatcher = Dispatcher(plan, slots=SLOTS, resources=RESOURCES)
    seconds = {job.id: float(random.randint(1, 9)) for job in plan}
    order = [plan[place].id for place in dispatcher.layout.by_rank]
    naive = Naive(plan, order, seconds)
    made = schedule_of(dispatcher, [seconds[job.id] for job in plan])
    assert {job.id: start for job, start in zip(plan, made.starts, strict=True)} == naive.starts
    assert {job.id: role for job, role in zip(plan, made.roles, strict=True)} == naive.role


@given(st.integers(0, 9), st.integers(0, 2**32).map(Random))
def test_many_runs_are_played_as_one_is(begun: int, random: Random) -> None:
    """The loop of forecasts is a short cut; it is the same from the middle of a run, too."""
    fallbacks = {role: tuple(random.sample(sorted(SLOTS), random.randint(0, 3))) for role in SLOTS}
    plan = []
    for number in range(30):
        role = random.choice(sorted(SLOTS))
        needs = tuple((f"t{need}",) for need in random.sample(range(number), random.randint(0, number > 5)))
        plan.append(Job(f"t{number}", role, float(random.randint(1, 99)), needs, fallback=fallbacks[role]))
    dispatcher = Dispatcher(plan, slots={"frontend": 1, "backend": 1, "qa": 2})
    seconds = [float(random.randint(0, 9)) for _ in plan]
    now = 0.0
    for turn in range(begun):
        dispatcher.start(now, room={role: random.randint(0, 2) for role in SLOTS})
        if turn % 2 and dispatcher.running:
            now += 1.0
            dispatcher.finish(random.choice(dispatcher.running), now=now, ok=True)
    played = play(dispatcher.states.copy(), seconds, now=now)
    assert played == play_out(dispatcher.states.copy(), seconds, now=now)


@given(PLANS)
def test_no_agent_does_two_tasks_at_once_whoever_it_works_for(plan: list[Job]) -> None:
    made = schedule_of(Dispatcher(plan, slots=SLOTS, resources=RESOURCES), [job.seconds for job in plan])
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for place, (job, role, numbers) in enumerate(zip(plan, made.roles, made.instances, strict=True)):
        assert role in (job.role, *job.fallback)
        assert len(set(numbers)) == job.units
        assert all(1 <= number <= SLOTS[role] for number in numbers)
        for number in numbers:
            spans.setdefault((role, number), []).append((made.starts[place], made.ends[place]))
    for own in map(sorted, spans.values()):
        assert all(before[1] <= after[0] for before, after in pairwise(own))
    assert made.agents == len(spans)


@given(PLANS)
def test_a_forecast_of_roles_that_help_each_other_does_not_contradict_itself(plan: list[Job]) -> None:
    made = forecast(plan, slots=SLOTS, resources=RESOURCES, samples=5)
    assert made.elapsed >= made.bound.seconds - 1e-9
    assert all(0 <= role.busy <= 1 + 1e-9 for role in made.roles)
    assert sum(role.work for role in made.roles) == sum(job.units * job.seconds for job in plan)
    assert sum(role.waiting for role in made.roles) == sum(task.waits for task in made.tasks)
    for variant in made.what_if:
        more = variant.slots > SLOTS[variant.role]
        assert variant.elapsed <= made.elapsed if more else variant.elapsed >= made.elapsed


@given(jobs(fallbacks=False, classes=False))
def test_fallbacks_without_slots_change_nothing(plan: list[Job]) -> None:
    helped = [Job(**{name: getattr(job, name) for name in Job.__slots__} | {"fallback": ("nobody",)}) for job in plan]
    with_them, without = (simulate(Dispatcher(own, slots=SLOTS, resources=RESOURCES), {}) for own in (helped, plan))
    assert with_them == without


def test_own_work_comes_first_and_the_most_urgent_of_the_others_next() -> None:
    plan = [job(name, fallback=("architect",)) for name in "abc"] + [job("plan", role="architect")]
    urgency = {"a": 9.0, "b": 7.0, "c": 8.0, "plan": 1.0}
    dispatcher = Dispatcher(plan, slots={"backend": 1, "architect": 1}, urgency=urgency)
    assert who(dispatcher.start(0)) == {"a": "backend-1", "plan": "architect-1"}
    assert dispatcher.finish("plan", now=1, ok=True) == []
    assert who(dispatcher.start(1)) == {"c": "architect-1"}
    assert dispatcher.ready == ("b",)


def test_the_first_fallback_with_a_free_slot_takes_it() -> None:
    plan = [job(str(number), seconds=9 - number, fallback=("qa", "architect")) for number in range(4)]
    dispatcher = Dispatcher(plan, slots={"architect": 1, "backend": 1, "qa": 2})
    assert who(dispatcher.start(0)) == {"0": "backend-1", "1": "qa-1", "2": "qa-2", "3": "architect-1"}


def test_work_goes_to_a_fallback_and_never_on_to_the_fallbacks_of_that() -> None:
    plan = [job(name, fallback=("qa",)) for name in "ab"] + [job("test", role="qa", fallback=("writer",))]
    dispatcher = Dispatcher(plan, slots={"backend": 1, "qa": 1, "writer": 1})
    assert who(dispatcher.start(0)) == {"a": "backend-1", "test": "qa-1"}
    assert who(dispatcher.start(1, closed={"qa"})) == {}


def test_work_of_a_closed_role_is_done_by_its_fallback_but_never_by_a_closed_one() -> None:
    plan = [job("a", fallback=("qa",)), job("b", fallback=("qa",))]
    dispatcher = Dispatcher(plan, slots={"backend": 2, "qa": 2})
    assert dispatcher.start(0, closed={"backend", "qa"}) == []
    assert who(dispatcher.start(0, closed={"backend"}, room={"qa": 1})) == {"a": "qa-1"}
    assert who(dispatcher.start(0)) == {"b": "backend-1"}


def test_where_other_runs_hold_slots_the_most_urgent_goes_to_its_own_role() -> None:
    plan = [job(str(number), seconds=9 - number, fallback=("qa",)) for number in range(4)]
    dispatcher = Dispatcher(plan, slots={"backend": 3, "qa": 1})
    assert who(dispatcher.start(0, room={"backend": 1})) == {"0": "backend-1", "1": "qa-1"}
    assert who(dispatcher.start(1)) == {"2": "backend-2", "3": "backend-3"}


def test_a_slot_that_was_lent_goes_back_to_its_role() -> None:
    plan = [job("a", fallback=("qa",)), job("b", fallback=("qa",)), job("test", "gate", role="qa"), job("gate")]
    dispatcher = Dispatcher(plan, slots={"backend": 1, "qa": 1}, urgency={"a": 3, "b": 2, "gate": 9, "test": 1})
    assert who(dispatcher.start(0)) == {"gate": "backend-1", "a": "qa-1"}
    dispatcher.finish("gate", now=1, ok=True)
    assert who(dispatcher.start(1)) == {"b": "backend-1"}
    dispatcher.finish("a", now=2, ok=False)
    assert who(dispatcher.start(2)) == {"test": "qa-1"}
    assert dispatcher.state_of("a") == TaskState.FAILED


def test_a_repair_goes_to_its_own_role_again() -> None:
    plan = [job(name, fallback=("qa",)) for name in "ab"]
    dispatcher = Dispatcher(plan, slots={"backend": 1, "qa": 1})
    assert who(dispatcher.start(0)) == {"a": "backend-1", "b": "qa-1"}
    for task in ("a", "b"):
        dispatcher.finish(task, now=1, ok=True)
    dispatcher.reopen("b", now=2)
    assert who(dispatcher.start(2)) == {"b": "backend-1"}


def test_work_that_needs_several_slots_or_a_resource_is_taken_over_whole_or_not_at_all() -> None:
    wide = Job("wide", "backend", 9, uses={"db": 1}, units=2, fallback=("qa",))
    last = Job("last", "backend", 1, uses={"db": 1}, fallback=("qa",))
    plan = [Job("own", "backend", 20), wide, last]
    dispatcher = Dispatcher(
        plan, slots={"backend": 2, "qa": 2}, resources={"db": 1}, urgency={"own": 3, "wide": 2, "last": 1}
    )
    assert who(dispatcher.start(0)) == {"own": "backend-1", "last": "backend-2"}
    dispatcher.finish("last", now=1, ok=True)
    assert who(dispatcher.start(1)) == {"wide": "qa-1"}


def test_a_forecast_says_who_helps_out_and_how_busy_that_makes_it() -> None:
    plan = [job(name, seconds=10, fallback=("architect",)) for name in "abcd"]
    made = forecast(plan, slots={"backend": 1, "architect": 1}, samples=0)
    assert made.elapsed == 20
    assert made.bound == Bound(20, "work of roles architect, backend")
    assert {task.agent for task in made.tasks} == {"backend-1", "architect-1"}
    assert {task.role for task in made.tasks} == {"backend"}
    assert [(role.role, role.work, role.busy) for role in made.roles] == [("backend", 20, 1), ("architect", 20, 1)]
    assert {variant.role: variant.elapsed for variant in made.what_if} == {"backend": 20, "architect": 20}
    assert made.bottleneck.startswith("At the lower bound: the 2 architect and backend agents are busy without a break")


@pytest.mark.parametrize(
    ("fallbacks", "bound"),
    [
        ({}, Bound(24, "work of role a")),
        ({"a": ("b",)}, Bound(14, "work of roles a, b")),
        ({"a": ("b",), "b": ("c",)}, Bound(12, "work of roles a, b")),
        ({"a": ("b", "c"), "b": ("a",)}, Bound(10, "work of roles a, b, c")),
    ],
)
def test_the_bound_lets_each_role_share_as_far_as_it_may(fallbacks: dict[str, tuple[str, ...]], bound: Bound) -> None:
    work = {"a": 24.0, "b": 4.0, "c": 2.0}
    plan = [
        Job(f"{role}{n}", role, own / 8, fallback=fallbacks.get(role, ()))
        for role, own in work.items()
        for n in range(8)
    ]
    assert lower_bound(plan, dict.fromkeys(work, 1)) == bound


def test_a_thousand_tasks_of_roles_that_help_each_other_are_played_with_little_effort() -> None:
    fallbacks = {"frontend": ("backend",), "backend": ("qa", "frontend"), "qa": ()}
    plan = []
    for number in range(1000):
        role = sorted(SLOTS)[number * 7919 % 3]
        needs = ((f"t{number - 1 - number * 31 % min(number, 300)}",),) if number else ()
        plan.append(Job(f"t{number}", role, 60.0 + number * 104729 % 3600, needs, fallback=fallbacks[role]))
    dispatcher = Dispatcher(plan, slots={role: 3 * slots for role, slots in SLOTS.items()})
    seconds = [job.seconds for job in plan]
    with effort(most=100 * len(plan)):
        play(dispatcher.states.copy(), seconds)
