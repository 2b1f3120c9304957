"""Where each job of a run stands, in integers: what each start, end and repair makes of all others."""

from collections.abc import Mapping
from copy import copy
from typing import Final, Self

from plait.plans.schedule.jobs import Layout
from plait.plans.schedule.queues import Queues, StealingQueues

PENDING: Final = 0
READY: Final = 1
RUNNING: Final = 2
DONE: Final = 3
FAILED: Final = 4
BLOCKED: Final = 5
HELD: Final = 6
CANCELLED: Final = 7

_NOT_STARTED = (PENDING, READY, HELD)


class JobStates:
    """The state of a run by place in the plan: no clock, no input, no output.

    A job *gives* what it made to those that need it while it is done and all that it needs is given, too. So a job
    whose need is taken back (`reopen`) is itself left alone, but nothing new starts from it until the repair. A job is
    *lost* once it can never give again; what is lost before it has started is blocked.
    """

    def __init__(self, layout: Layout, *, aging: float) -> None:
        graph, size = layout.graph, len(layout.jobs)
        self.layout, self.closing = layout, False
        self._sure_after, self._groups_of = graph.sure_after, layout.groups_of
        self.queues = (StealingQueues if layout.helped else Queues)(layout, aging=aging)
        self.state = [PENDING] * size
        self.started = [0.0] * size
        """When it last started, in seconds."""
        self.lost_to = [-1] * size
        """The job whose failure lost this one; -1 when it is not lost."""
        self.unmet = [len(hard) + len(groups) for hard, groups in zip(graph.hard, graph.choices, strict=True)]
        """How many of its needs do not give."""
        self._given = [0] * len(layout.group_job)
        self._possible = list(layout.group_size)
        self._fresh = True
        for job in range(size):
            if not self.unmet[job]:
                self.state[job] = READY

    def copy(self) -> Self:
        """The same states, which go on by themselves."""
        twin = copy(self)
        twin.queues, twin.state, twin.started = self.queues.copy(), list(self.state), list(self.started)
        twin.lost_to, twin.unmet = list(self.lost_to), list(self.unmet)
        twin._given, twin._possible = list(self._given), list(self._possible)
        return twin

    def start(self, now: float, room: Mapping[int, int] | None = None) -> list[int]:
        """Start all that fits, most urgent first, but of the roles in `room` take so many slots at most."""
        if self._fresh:
            self._begin(now)
        begun = self.queues.pick_within(room, now) if room else self.queues.pick(now)
        for job in begun:
            self.state[job] = RUNNING
            self.started[job] = now
        return begun

    def _begin(self, now: float) -> None:
        # Nothing has waited before the first start, whatever the clock says then.
        self._fresh = False
        for job, state in enumerate(self.state):
            if state == READY:
                self.queues.add(job, now)

    def succeed(self, job: int, now: float) -> None:
        """A running job has made what others need."""
        self.queues.give_back(job)
        self.state[job] = DONE
        if not self.unmet[job]:
            self._give(job, now)

    def fail(self, job: int) -> list[int]:
        """A running job has failed for good; what it blocks."""
        self.queues.give_back(job)
        return self._end_badly(job)

    def settle(self, job: int, now: float) -> None:
        """A job that has not started was done before this run."""
        self._leave(job, DONE)
        if not self.unmet[job]:
            self._give(job, now)

    def settle_failed(self, job: int) -> list[int]:
        """A job that has not started failed for good before this run; what it blocks."""
        self.queues.drop(job)
        return self._end_badly(job)

    def reopen(self, job: int, now: float) -> None:
        """What a finished job made is taken back; it will run once more."""
        if not self.unmet[job]:
            self._take_back(job)
        self._wait_again(job, now)

    def revive(self, job: int, now: float) -> None:
        """A failed job is as if it had not started; who is lost is found out anew from those that failed beside it."""
        self.state[job] = PENDING
        self.lost_to = [-1] * len(self.state)
        self._possible = list(self.layout.group_size)
        for failed in [other for other, state in enumerate(self.state) if state == FAILED]:
            self._lose(failed)
        for other in [job, *(other for other, state in enumerate(self.state) if state == BLOCKED)]:
            self._wait_again(other, now)

    def requeue(self, job: int, now: float, *, worked: bool = False) -> None:
        """A running job goes back to where it was; it has waited since it did so first, or since now if it `worked`."""
        self.queues.give_back(job)
        self._wait_again(job, now if worked else self.queues.since.get(job, now))

    def hold(self, job: int) -> None:
        """A job that has not started is put aside."""
        self._leave(job, HELD)

    def release(self, job: int, now: float) -> None:
        """A job that was put aside comes back."""
        self._wait_again(job, now)

    def cancel_all(self) -> None:
        """Nothing starts any more; what runs ends as it ends, but no failure of it counts."""
        self.closing = True
        self.queues.clear()
        self.state = [CANCELLED if state in _NOT_STARTED else state for state in self.state]

    def _wait_again(self, job: int, since: float) -> None:
        if self.closing:
            self.state[job] = CANCELLED
        elif self.lost_to[job] >= 0:
            self.state[job] = BLOCKED
        elif self.unmet[job]:
            self.state[job] = PENDING
        else:
            self._make_ready(job, since)

    def _make_ready(self, job: int, since: float) -> None:
        self.state[job] = READY
        if not self._fresh:
            self.queues.add(job, since)

    def _leave(self, job: int, state: int) -> None:
        self.queues.drop(job)
        self.state[job] = state

    def _give(self, job: int, now: float) -> None:
        unmet, state, sure_after, groups_of = self.unmet, self.state, self._sure_after, self._groups_of
        giving = [job]
        for giver in giving:
            met = sure_after[giver] if not groups_of[giver] else [*sure_after[giver], *self._groups_met(giver)]
            for later in met:
                left = unmet[later] = unmet[later] - 1
                if left:
                    continue
                if state[later] == PENDING:
                    state[later] = READY
                    if not self._fresh:
                        self.queues.add(later, now)
                elif state[later] == DONE:
                    giving.append(later)

    def _groups_met(self, job: int) -> list[int]:
        met = []
        for group in self._groups_of[job]:
            self._given[group] += 1
            if self._given[group] == 1:
                met.append(self.layout.group_job[group])
        return met

    def _take_back(self, job: int) -> None:
        taking = [job]
        while taking:
            job = taking.pop()
            for later in [*self._sure_after[job], *self._groups_missed(job)]:
                self.unmet[later] += 1
                if self.unmet[later] > 1:
                    continue
                if self.state[later] == READY:
                    self._leave(later, PENDING)
                elif self.state[later] == DONE:
                    taking.append(later)

    def _groups_missed(self, job: int) -> list[int]:
        missed = []
        for group in self._groups_of[job]:
            self._given[group] -= 1
            if not self._given[group]:
                missed.append(self.layout.group_job[group])
        return missed

    def _end_badly(self, job: int) -> list[int]:
        """Fail a job; all that starts no more because of it, in dependency order."""
        self.state[job] = CANCELLED if self.closing else FAILED
        blocked = [later for later in self._lose(job) if self.state[later] in _NOT_STARTED] if not self.closing else []
        for later in blocked:
            self._leave(later, BLOCKED)
        return sorted(blocked, key=self.layout.turn.__getitem__)

    def _lose(self, job: int) -> list[int]:
        """The jobs that can never give again because a job has failed, unless it was lost before."""
        if self.lost_to[job] >= 0:
            return []
        self.lost_to[job] = job
        lost, losing = [], [job]
        while losing:
            for later in self._can_no_longer(losing.pop()):
                if self.lost_to[later] < 0:
                    self.lost_to[later] = job
                    losing.append(later)
                    lost.append(later)
        return lost

    def _can_no_longer(self, job: int) -> list[int]:
        """The jobs that a lost job was a hard need, or the last possible alternative, of."""
        hopeless = list(self._sure_after[job])
        for group in self._groups_of[job]:
            self._possible[group] -= 1
            if not self._possible[group]:
                hopeless.append(self.layout.group_job[group])
        return hopeless
