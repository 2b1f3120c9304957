"""Whatever happens to a run in whatever order: limits hold, nothing idles, and each job is where it ought to be."""

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plait.advice.simulation import play
from plait.plans.schedule.dispatch import AGING, Blocked, Dispatcher, Job
from plait.plans.tasks.states import TaskState
from tests.support.drawn import RESOURCES, SLOTS, jobs


class Naive:
    """What must be so, worked out afresh from what has happened, by the words of the specification."""

    def __init__(self, plan: list[Job]) -> None:
        self.jobs = {job.id: job for job in plan}
        self.so: dict[str, TaskState] = dict.fromkeys(self.jobs, TaskState.PENDING)
        """Pending stands for whatever has not begun; held, running and how it ended are told."""
        self.agent: dict[str, tuple[str, int]] = {}
        """By task, the role and number of the agent that does it or did it last."""

    def gives(self, task: str) -> bool:
        return self.so[task] == TaskState.DONE and self.is_met(task)

    def is_met(self, task: str) -> bool:
        return all(any(self.gives(need) for need in group) for group in self.jobs[task].needs)

    def is_possible(self, task: str) -> bool:
        if self.so[task] in (TaskState.FAILED, TaskState.CANCELLED):
            return False
        return all(any(self.is_possible(need) for need in group) for group in self.jobs[task].needs)

    def state(self, task: str) -> TaskState:
        so = self.so[task]
        if so in (TaskState.PENDING, TaskState.HELD) and not self.is_possible(task):
            return TaskState.BLOCKED
        return TaskState.READY if so == TaskState.PENDING and self.is_met(task) else so

    def states(self) -> dict[str, TaskState]:
        return {task: self.state(task) for task in self.jobs}

    def taken(self) -> tuple[Counter[str], Counter[str]]:
        slots, units = Counter[str](), Counter[str]()
        for task, so in self.so.items():
            if so == TaskState.RUNNING:
                slots[self.agent[task][0]] += self.jobs[task].units
                units.update(self.jobs[task].uses)
        return slots, units

    def fits(self, task: str, role: str, room: dict[str, int]) -> bool:
        """Whether a role, of which so many more slots may be taken, can do a task now."""
        slots, units = self.taken()
        job = self.jobs[task]
        return min(SLOTS[role] - slots[role], room.get(role, SLOTS[role])) >= job.units and all(
            units[name] + needed <= RESOURCES[name] for name, needed in job.uses.items()
        )

    def chosen(self, order: list[str], room: dict[str, int]) -> tuple[str, str] | None:
        """The next of the ready tasks, in this order, to start, and on whose slot."""
        for task in order:
            if self.fits(task, self.jobs[task].role, room):
                return task, self.jobs[task].role
        for task in order:
            for role in self.jobs[task].fallback:
                if self.fits(task, role, room):
                    return task, role
        return None


class AnyRun(RuleBasedStateMachine):
    """All that can happen to a run, in any order."""

    plans = jobs(most=8)

    @initialize(data=st.data(), aging=st.sampled_from([1.0, 5.0, AGING]))
    def begin(self, data: st.DataObject, aging: float) -> None:
        plan = data.draw(self.plans)
        self.naive = Naive(plan)
        self.dispatcher = Dispatcher(plan, slots=SLOTS, resources=RESOURCES, aging=aging)
        self.now = 0.0
        self.cancelled = False

    def one_in(self, data: st.DataObject, *states: TaskState) -> str | None:
        found = [task for task in self.naive.jobs if self.naive.state(task) in states]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(
        closed=st.sets(st.sampled_from(sorted(SLOTS))) | st.just(set()),
        room=st.just({}) | st.dictionaries(st.sampled_from(sorted(SLOTS)), st.integers(0, 3)),
        passed=st.integers(0, 4),
    )
    def start(self, closed: set[str], room: dict[str, int], passed: int) -> None:
        self.now += passed
        in_turn = self.dispatcher.copy()
        in_turn.start(self.now, closed=SLOTS)
        order, left = list(in_turn.ready), room | dict.fromkeys(closed, 0)
        for start in self.dispatcher.start(self.now, closed=closed, room=room):
            task = start.job.id
            assert self.naive.state(task) == TaskState.READY
            assert (task, start.role) == self.naive.chosen(order, left)
            assert 1 <= start.instance <= SLOTS[start.role]
            order.remove(task)
            self.naive.so[task], self.naive.agent[task] = TaskState.RUNNING, (start.role, start.instance)
            left = {role: slots - start.job.units * (role == start.role) for role, slots in left.items()}
        assert self.naive.chosen(order, left) is None, "idle beside work that fits"

    @rule(data=st.data(), ok=st.booleans())
    def finish(self, data: st.DataObject, ok: bool) -> None:
        if task := self.one_in(data, TaskState.RUNNING):
            self.end(task, ok)

    def end(self, task: str, ok: bool) -> None:
        before = self.naive.states()
        bad = TaskState.CANCELLED if self.cancelled else TaskState.FAILED
        self.naive.so[task] = TaskState.DONE if ok else bad
        self.expect_blocked(before, self.dispatcher.finish(task, now=self.now, ok=ok), by=task)

    @rule(data=st.data(), ok=st.booleans())
    def settle(self, data: st.DataObject, ok: bool) -> None:
        if not self.cancelled and (task := self.one_in(data, TaskState.PENDING, TaskState.READY, TaskState.HELD)):
            before = self.naive.states() | {task: TaskState.RUNNING}
            self.naive.so[task] = TaskState.DONE if ok else TaskState.FAILED
            self.expect_blocked(before, self.dispatcher.settle(task, now=self.now, ok=ok), by=task)

    def expect_blocked(self, before: dict[str, TaskState], found: list[Blocked], by: str) -> None:
        after = self.naive.states()
        new = {task for task in after if after[task] == TaskState.BLOCKED != before[task]}
        assert [blocked.job for blocked in found] == sorted(new, key=self.dispatcher.layout.graph.order.index)
        assert {blocked.by for blocked in found} <= {by}

    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        if task := self.one_in(data, TaskState.DONE):
            self.naive.so[task] = TaskState.CANCELLED if self.cancelled else TaskState.PENDING
            found = self.dispatcher.reopen(task, now=self.now)
            assert bool(found) == (self.naive.state(task) == TaskState.BLOCKED)

    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        if task := self.one_in(data, TaskState.RUNNING):
            self.naive.so[task] = TaskState.CANCELLED if self.cancelled else TaskState.PENDING
            self.dispatcher.requeue(task, now=self.now)

    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        if not self.cancelled and (task := self.one_in(data, TaskState.PENDING, TaskState.READY)):
            self.naive.so[task] = TaskState.HELD
            self.dispatcher.hold(task)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if task := self.one_in(data, TaskState.HELD):
            self.naive.so[task] = TaskState.PENDING
            self.dispatcher.release(task, now=self.now)

    @precondition(lambda self: self.now > 40 and not self.cancelled)
    @rule()
    def cancel_all(self) -> None:
        self.cancelled = True
        for task, state in self.naive.states().items():
            if state in (TaskState.PENDING, TaskState.READY, TaskState.HELD):
                self.naive.so[task] = TaskState.CANCELLED
            elif state == TaskState.BLOCKED:
                self.naive.so[task] = TaskState.PENDING
        assert set(self.dispatcher.cancel_all()) == {
            task for task, so in self.naive.so.items() if so == TaskState.RUNNING
        }

    @rule(passed=st.integers(0, 4), ok=st.booleans())
    def go_on_to_the_next_end(self, passed: int, ok: bool) -> None:
        self.start(closed=set(), room={}, passed=passed)
        for task in self.dispatcher.running[: 1 if not ok else None]:
            self.end(task, ok)

    @rule()
    def go_on_with_a_copy(self) -> None:
        original, self.dispatcher = self.dispatcher, self.dispatcher.copy()
        play(original.states, [1.0] * len(self.naive.jobs), now=self.now)

    @invariant()
    def everything_is_as_the_specification_says(self) -> None:
        if not hasattr(self, "naive"):
            return
        expected = self.naive.states()
        assert {task: self.dispatcher.state_of(task) for task in expected} == expected
        assert dict(Counter(expected.values())) == self.dispatcher.counts
        ready = [task for task, state in expected.items() if state == TaskState.READY]
        assert sorted(self.dispatcher.ready) == sorted(ready)
        assert set(self.dispatcher.ready_roles) == {self.naive.jobs[task].role for task in ready}
        assert self.dispatcher.is_over == (not ready and TaskState.RUNNING not in expected.values())
        slots, units = self.naive.taken()
        assert all(slots[role] <= SLOTS[role] for role in slots)
        at_work = [self.naive.agent[task] for task, state in expected.items() if state == TaskState.RUNNING]
        assert len(set(at_work)) == len(at_work)
        assert all(units[name] <= RESOURCES[name] for name in units)


class AnyRunOfRolesThatHelpEachOther(AnyRun):
    """The same, where an idle slot takes what another role has none for."""

    plans = jobs(most=8, fallbacks=True) | jobs(most=8, fallbacks=True, scarce=False)


AnyRun.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
AnyRunOfRolesThatHelpEachOther.TestCase.settings = AnyRun.TestCase.settings
test_any_run_is_as_the_specification_says = AnyRun.TestCase
test_any_run_of_roles_that_help_each_other_is_as_well = AnyRunOfRolesThatHelpEachOther.TestCase
