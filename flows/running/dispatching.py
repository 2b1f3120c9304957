"""Starts what the dispatcher allows as Prefect task runs, and hears of their ends.

Submitting only what is ready and has a slot, most urgent first, keeps the pool free of threads that wait: tasks that
wait for each other inside Prefect hold workers, and a limit that a waiting task polls for cost 3 to 7 times the ideal.
"""

import queue
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from prefect.futures import PrefectFuture

from plait.plans.schedule.dispatch import Dispatcher, Start
from plait.workspace.role_slots import SlotSource

RETRY_DENIED_SECONDS = 0.5
"""How soon a role is asked for again whose slots other runs hold."""


class NoLimits:
    """Slots of a run that shares its roles with nobody: every one is granted."""

    def try_take(self, role: str) -> object | None:
        return role

    def release(self, slot: object) -> None:
        """Nothing to give back."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A dispatched task run is over, one way or another."""

    job: str
    future: PrefectFuture[Any]


def result_of(future: PrefectFuture[Any]) -> Any:
    """What came of a task run: what it returned, or the exception that ended it, also where Prefect itself raises it.

    Prefect raises for a run that never began (`NotReady`), and passes on what its own engine stumbled over.
    """
    try:
        return future.result(raise_on_failure=False)
    except Exception as problem:
        return problem


@dataclass(slots=True)
class Dispatching:
    """One run's dispatcher, bound to Prefect and to the limits that runs share."""

    dispatcher: Dispatcher
    submit: Callable[[Start], PrefectFuture[Any]]
    slots: SlotSource = field(default_factory=NoLimits)
    may_start: Callable[[Start], bool] = lambda _start: True
    """Asked last: a job that may not start yet is put aside until `dispatcher.release`."""
    clock: Callable[[], float] = time.monotonic
    events: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue)
    futures: dict[str, PrefectFuture[Any]] = field(default_factory=dict)
    """The newest future of each job: what dependents wait for, so that the page draws the edges."""
    _taken: dict[str, list[object]] = field(default_factory=dict)
    _running: Counter[str] = field(default_factory=Counter)
    _role_of: dict[str, str] = field(default_factory=dict)
    _denied_until: dict[str, float] = field(default_factory=dict)

    def start_ready(self) -> list[Start]:
        """Start every ready job that fits, most urgent first, and say which."""
        now = self.clock()
        started = []
        for start in self.dispatcher.start(now, room=self._take_slots(now)):
            if not self.may_start(start):
                self.dispatcher.requeue(start.job.id, now=now)
                self.dispatcher.hold(start.job.id)
                continue
            self._running[start.role] += 1
            self._role_of[start.job.id] = start.role
            future = self.submit(start)
            self.futures[start.job.id] = future
            future.add_done_callback(partial(self._heard, start.job.id))
            started.append(start)
        return started

    def _heard(self, job: str, future: PrefectFuture[Any]) -> None:
        """Called by the thread that ran the job."""
        self.events.put(JobEnded(job, future))

    def _take_slots(self, now: float) -> dict[str, int] | None:
        """How many more slots of each role this run may use, given what others hold; nothing when nobody shares."""
        if isinstance(self.slots, NoLimits):
            return None
        self._wanted(ask=partial(self._ask, now=now))
        return {role: self._idle(role) for role in self.dispatcher.layout.roles}

    def _ask(self, role: str, wanted: int, *, now: float) -> None:
        """Try to have so many slots of a role beside those that are in use."""
        taken = self._taken.setdefault(role, [])
        while self._idle(role) < wanted and now >= self._denied_until.get(role, 0.0):
            slot = self.slots.try_take(role)
            if slot is None:
                self._denied_until[role] = now + RETRY_DENIED_SECONDS
                return
            taken.append(slot)

    def _idle(self, role: str) -> int:
        """How many slots this run holds and does not use."""
        return len(self._taken.get(role, ())) - self._running[role]

    def _wanted(self, ask: Callable[[str, int], None] = lambda _role, _slots: None) -> dict[str, int]:
        """For each role, how many more of its slots this run could use, each number asked for as soon as it is known.

        That is for its own ready work, and then for what other roles fall back on it with: what they have no slot for.
        """
        ready, layout = self.dispatcher.ready_roles, self.dispatcher.layout
        limits = {role: slots - self._running[role] for role, slots in zip(layout.roles, layout.slots, strict=True)}
        wanted = {role: min(jobs, limits[role]) for role, jobs in ready.items()}
        for role, slots in wanted.items():
            ask(role, slots)
        for role, jobs in ready.items():
            left = jobs - self._idle(role)
            for helper in layout.helpers_of.get(role, ()):
                own = wanted.get(helper, 0)
                wanted[helper] = max(own, min(own + left, limits[helper]))
                ask(helper, wanted[helper])
                left -= max(0, min(self._idle(helper), wanted[helper]) - own)
        return wanted

    def ended(self, job: str) -> None:
        """Count a job's slot as free; it stays with this run while there is ready work for it."""
        self._running[self._role_of.pop(job)] -= 1

    def give_back_idle(self) -> None:
        """Give back the slots that no ready work needs: another run may be waiting for them."""
        if isinstance(self.slots, NoLimits):
            return
        wanted = self._wanted()
        for role, taken in self._taken.items():
            spare = len(taken) - self._running[role] - wanted.get(role, 0)
            for _ in range(max(0, spare)):
                self.slots.release(taken.pop())

    def wait(self, timeout: float) -> Any | None:
        """The next event, or nothing within `timeout` seconds: the main thread has to see signals."""
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Give every slot back."""
        for taken in self._taken.values():
            while taken:
                self.slots.release(taken.pop())
        self.slots.close()


def run_to_the_end(dispatching: Dispatching) -> Collection[str]:
    """Dispatch until nothing is left, and give the jobs that failed: the whole loop, for plans without git."""
    failed: list[str] = []
    while True:
        dispatching.start_ready()
        if dispatching.dispatcher.is_over:
            return failed
        event = dispatching.wait(1.0)
        if isinstance(event, JobEnded):
            event.future.wait()
            ok = event.future.state.is_completed()
            dispatching.ended(event.job)
            dispatching.dispatcher.finish(event.job, now=dispatching.clock(), ok=ok)
            if not ok:
                failed.append(event.job)
