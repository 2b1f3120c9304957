"""The loop that turns dispatch into task runs: at full width, within what other runs leave, slots given back."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest

from plait.flows.running.dispatching import Dispatching, JobEnded, NoLimits
from plait.plans.schedule.dispatch import Dispatcher, Job, Start


class Shared:
    """Slots of which other runs hold some: a limit for each role, as a server or slot files have it."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.free = dict(limits)

    def try_take(self, role: str) -> object | None:
        if self.free[role] == 0:
            return None
        self.free[role] -= 1
        return role

    def release(self, slot: object) -> None:
        self.free[str(slot)] += 1

    def close(self) -> None:
        """Nothing is kept open."""


class Run:
    """A dispatching whose jobs end when the test says so."""

    def __init__(self, jobs: int, *, slots: int, shared: Any, helpers: Mapping[str, int] | None = None) -> None:
        self.started: list[str] = []
        self.agents: dict[str, str] = {}
        self.ends: dict[str, Future[Any]] = {}
        helpers = helpers or {}
        work = [Job(id=str(n), role="r", seconds=1.0, fallback=tuple(helpers)) for n in range(jobs)]
        dispatcher = Dispatcher(work, slots={"r": slots, **helpers})
        self.now = 0.0
        self.dispatching = Dispatching(dispatcher, submit=self.submit, slots=shared, clock=lambda: self.now)

    def submit(self, start: Start) -> Any:
        self.started.append(start.job.id)
        self.agents[start.job.id] = start.agent
        self.ends[start.job.id] = Future()
        return self.ends[start.job.id]

    def end(self, job: str) -> None:
        self.ends[job].set_result(None)
        event = self.dispatching.wait(0)
        assert isinstance(event, JobEnded)
        self.dispatching.ended(job)
        self.dispatching.dispatcher.finish(job, now=self.now, ok=True)


@pytest.mark.parametrize("shared", [NoLimits(), Shared({"r": 64})])
def test_a_burst_starts_at_full_width(shared: Any) -> None:
    run = Run(10, slots=4, shared=shared)

    run.dispatching.start_ready()

    assert run.started == ["0", "1", "2", "3"]


def test_what_other_runs_hold_is_not_started_and_is_asked_for_again() -> None:
    shared = Shared({"r": 2})
    run = Run(5, slots=4, shared=shared)
    run.dispatching.start_ready()
    assert run.started == ["0", "1"]

    shared.free["r"] += 1
    run.dispatching.start_ready()
    assert run.started == ["0", "1"], "not before the time to ask again"
    run.now = 1.0
    run.dispatching.start_ready()

    assert run.started == ["0", "1", "2"]


def test_a_slot_stays_while_there_is_work_for_it_and_goes_back_when_there_is_none() -> None:
    shared = Shared({"r": 2})
    run = Run(3, slots=2, shared=shared)
    run.dispatching.start_ready()

    run.end("0")
    run.dispatching.give_back_idle()
    assert shared.free["r"] == 0
    run.dispatching.start_ready()
    assert run.started == ["0", "1", "2"]
    run.end("1")
    run.dispatching.give_back_idle()
    assert shared.free["r"] == 1
    run.end("2")
    run.dispatching.close()

    assert shared.free["r"] == 2


def test_what_other_runs_leave_no_slot_for_is_done_by_a_fallback_within_what_they_leave_of_that() -> None:
    shared = Shared({"r": 1, "s": 1, "t": 5})
    run = Run(5, slots=4, shared=shared, helpers={"s": 2, "t": 2})

    run.dispatching.start_ready()

    assert run.agents == {"0": "r-1", "1": "s-1", "2": "t-1", "3": "t-2"}
    assert shared.free == {"r": 0, "s": 0, "t": 3}


def test_a_fallback_is_not_asked_while_the_role_has_slots() -> None:
    shared = Shared({"r": 4, "s": 4})
    run = Run(3, slots=3, shared=shared, helpers={"s": 2})

    run.dispatching.start_ready()

    assert set(run.agents.values()) == {"r-1", "r-2", "r-3"}
    assert shared.free["s"] == 4


def test_a_slot_of_a_fallback_is_given_back_once_nobody_needs_its_help() -> None:
    shared = Shared({"r": 1, "s": 1})
    run = Run(3, slots=1, shared=shared, helpers={"s": 1})
    run.dispatching.start_ready()
    run.end("1")
    run.dispatching.give_back_idle()
    assert shared.free["s"] == 0, "there is one task more"
    run.dispatching.start_ready()
    run.dispatching.give_back_idle()
    assert run.agents == {"0": "r-1", "1": "s-1", "2": "s-1"}
    run.end("2")
    run.dispatching.give_back_idle()

    assert shared.free == {"r": 0, "s": 1}


def test_a_task_that_may_not_start_on_a_fallback_is_put_aside_and_frees_the_slot() -> None:
    shared = Shared({"r": 1, "s": 1})
    run = Run(2, slots=1, shared=shared, helpers={"s": 1})
    run.dispatching.may_start = lambda start: start.role == "r"
    run.dispatching.start_ready()
    run.dispatching.give_back_idle()
    assert run.agents == {"0": "r-1"}
    assert shared.free["s"] == 1

    run.dispatching.may_start = lambda _start: True
    run.dispatching.dispatcher.release("1", now=run.now)
    run.dispatching.start_ready()

    assert run.agents == {"0": "r-1", "1": "s-1"}
