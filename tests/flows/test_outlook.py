"""The ETA of a run that goes on, from what it has done so far."""

from math import inf

import pytest

from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.reforecasting import reforecast
from plait.flows.recording.outlook import LATEST, SOONEST, Outlook
from plait.flows.running.watching import LiveRun
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.tasks.states import TaskState
from tests.plans.run.played import Played, manifest_from, rework
from tests.support.effort import effort

TASKS = [f"T{n}" for n in range(6)]
PLAN = "tasks:\n" + "".join(f"  - {{id: {task}, role: backend, prompt: do it, duration: 10m}}\n" for task in TASKS)
APPROVED = "contracts: [{id: api, owner: T0, files: [api.txt], approval: person}]\n" + PLAN.replace(
    "  - {", "  - {needs: [{contract: api}], "
).replace("needs: [{contract: api}], id: T0", "id: T0")


class Run:
    """Six tasks of ten minutes for one agent, by a clock that is set; nothing is integrated before all is done."""

    def __init__(self, plan: str = PLAN) -> None:
        manifest = manifest_from(plan, slots={"backend": 1}, ready=None, wait=inf)
        self.played = Played(manifest)
        self.live = LiveRun(self.played.run)
        self.outlook = Outlook(self.live, Durations())

    def work(self, seconds: float) -> None:
        """Let the next task run for so long."""
        (task,) = self.played.starts()
        self.played.passes(seconds)
        self.played.ends(task)

    def work_all(self) -> None:
        """Let every task run for ten minutes."""
        for _ in TASKS:
            self.work(600)

    def look(self) -> None:
        self.outlook.ticked(self.played.now)

    @property
    def left(self) -> float:
        assert self.live.eta is not None
        return self.live.eta.p50_seconds


def test_tasks_that_take_longer_than_planned_move_the_end_and_narrow_its_band() -> None:
    run, slow = Run(), Run()
    run.look()
    at_first = run.live.eta
    assert at_first is not None
    assert at_first.at.timestamp() == pytest.approx(run.played.now)
    assert 2400 < at_first.p50_seconds < 6000

    for _ in range(3):
        run.work(600)
        slow.work(1800)
    run.look()
    slow.look()

    assert slow.left > 1.3 * run.left
    assert run.live.eta is not None
    assert run.live.eta.p90_seconds - run.live.eta.p10_seconds < at_first.p90_seconds - at_first.p10_seconds


def test_it_is_renewed_when_something_has_ended_and_now_and_then_but_not_at_every_turn() -> None:
    run = Run()
    run.look()
    first = run.live.eta
    run.played.passes(LATEST / 2)
    run.look()
    assert run.live.eta is first

    run.played.passes(LATEST / 2)
    run.look()
    second = run.live.eta
    assert second is not first

    run.work(SOONEST / 2)
    run.look()
    assert run.live.eta is second
    run.played.passes(SOONEST / 2)
    run.look()
    assert run.live.eta is not second


def test_it_is_renewed_when_the_run_is_paused() -> None:
    run = Run()
    run.look()
    first = run.live.eta
    run.played.pauses()
    run.played.passes(SOONEST)
    run.look()

    assert run.live.eta is not first


def test_there_is_no_end_to_tell_once_nothing_is_ahead() -> None:
    run = Run()
    run.work_all()

    run.look()

    assert run.live.eta is None


def test_a_large_run_that_is_nearly_over_is_looked_at_as_easily_as_any() -> None:
    """It took two seconds of the loop that starts agents, when all jobs were drawn and not only those ahead."""
    jobs = [Job(f"J{n}", "backend", 600.0) for n in range(10_000)]
    dispatcher = Dispatcher(jobs, slots={"backend": 4})
    for job in jobs[:-4]:
        dispatcher.settle(job.id, now=0.0)
    dispatcher.start(0.0)

    copy = dispatcher.copy()
    with effort(most=1_000_000):
        assert reforecast(copy, now=10.0, durations=Durations(), seed=1) is not None


def test_what_is_finished_has_yet_to_be_verified_which_takes_as_long_as_in_earlier_runs() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    run.work_all()

    run.look()

    assert run.left == pytest.approx(120)


def test_this_runs_own_verifications_say_it_better_than_those_of_earlier_runs() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    run.work_all()
    run.played.starts()
    run.played.passes(300)
    run.played.batch(rejected=[rework("T0")])
    run.work(60)

    run.look()

    assert run.left == pytest.approx(300)


def test_a_verification_that_goes_on_comes_to_its_end() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    run.work_all()
    run.played.passes(1)
    run.played.starts()
    run.played.passes(100)

    run.look()

    assert run.left == pytest.approx(20)


def test_a_verification_that_takes_longer_than_ever_is_not_said_to_end_at_once() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    run.work_all()
    run.played.passes(1)
    run.played.starts()
    run.played.passes(1000)

    run.look()

    assert run.left == pytest.approx(60)


def test_verification_comes_on_top_of_the_tasks_that_are_left() -> None:
    run, unverified = Run(), Run()
    run.outlook.verifications = (7200.0,)

    run.look()
    unverified.look()

    assert run.left == pytest.approx(unverified.left + 7200)


def test_what_a_person_is_waited_for_counts_as_if_the_answer_came_now() -> None:
    run = Run(APPROVED)
    run.work(600)
    assert run.played.outcome.asked[0].holds == tuple(TASKS[1:])

    run.look()

    assert 2000 < run.left < 5000
    assert run.played.standings.dispatcher.state_of("T1") is TaskState.HELD


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_odd_durations_do_not_break_it(seconds: float) -> None:
    run = Run()
    run.work(seconds)

    run.look()

    assert run.left >= 0
