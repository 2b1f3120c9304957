"""The ETA of a run that goes on, from what it has done so far."""

from datetime import UTC, datetime, timedelta

import pytest

from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.reforecasting import reforecast
from plait.flows.recording.outlook import LATEST, SOONEST, Outlook
from plait.flows.running.book import Book, open_book
from plait.plans.language.crew import DEFAULT_CREW
from plait.plans.language.parsing import parse_plan
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.tasks.expansion import expand
from plait.plans.tasks.outcomes import BatchOutcome, Span, TaskState
from tests.support.effort import effort

PLAN = "feature: x\ntasks:\n" + "".join(
    f"  - {{id: T{n}, role: backend, prompt: do it, duration: 10m}}\n" for n in range(6)
)


class Run:
    """Six tasks of ten minutes for one agent, by a clock that is set."""

    def __init__(self) -> None:
        tasks = expand(parse_plan(PLAN, source="plan"), DEFAULT_CREW).tasks
        self.book: Book = open_book("r", "x", "b", tasks, {task.id: task.id for task in tasks}, ())
        self.dispatcher = Dispatcher([Job(task.id, task.role, task.seconds) for task in tasks], slots={"backend": 1})
        self.outlook = Outlook(self.book, self.dispatcher, Durations({task.id: task.task.duration for task in tasks}))

    def work(self, *, start: float, seconds: float) -> float:
        """Let the next task run for so long."""
        (begun,) = self.dispatcher.start(start)
        self.dispatcher.finish(begun.job.id, now=start + seconds, ok=True)
        entry, began = self.book.entries[begun.job.id], datetime.now(UTC)
        entry.spans.append(Span(started_at=began, ended_at=began + timedelta(seconds=seconds)))
        entry.state, entry.ended_at = TaskState.DONE, began
        return start + seconds

    def work_all(self) -> float:
        """Let every task run for ten minutes."""
        now = 0.0
        for _ in range(6):
            now = self.work(start=now, seconds=600)
        return now

    def verify(self, *, seconds: float, began: float | None = None) -> None:
        """Let a batch be verified for so long, or be in work since so many seconds ago."""
        now = datetime.now(UTC)
        name = f"batch-{len(self.book.batches) + 1}"
        start = now - timedelta(seconds=seconds if began is None else began)
        batch = BatchOutcome(id=name, started_at=start, ended_at=now if began is None else None, verifications=1)
        self.book.put_batch(batch, says="verifying")

    @property
    def left(self) -> float:
        assert self.book.eta is not None
        return self.book.eta.p50_seconds


def test_tasks_that_take_longer_than_planned_move_the_end_and_narrow_its_band() -> None:
    run, slow = Run(), Run()
    run.outlook.look(0.0)
    at_first = run.book.eta
    assert at_first is not None
    assert 2400 < at_first.p50_seconds < 6000

    now = later = 0.0
    for _ in range(3):
        now, later = run.work(start=now, seconds=600), slow.work(start=later, seconds=1800)
    run.outlook.look(now)
    slow.outlook.look(later)

    assert slow.left > 1.3 * run.left
    assert run.book.eta is not None
    assert run.book.eta.p90_seconds - run.book.eta.p10_seconds < at_first.p90_seconds - at_first.p10_seconds


def test_it_is_renewed_when_something_has_ended_and_now_and_then_but_not_at_every_turn() -> None:
    run = Run()
    run.outlook.look(0.0)
    first = run.book.eta
    run.outlook.look(LATEST / 2)
    assert run.book.eta is first

    run.outlook.look(LATEST)
    second = run.book.eta
    assert second is not first

    run.work(start=LATEST, seconds=1)
    run.outlook.look(LATEST + SOONEST / 2)
    assert run.book.eta is second
    run.outlook.look(LATEST + SOONEST)
    assert run.book.eta is not second


def test_there_is_no_end_to_tell_once_nothing_is_ahead() -> None:
    run, now = Run(), 0.0
    for _ in range(6):
        now = run.work(start=now, seconds=600)

    run.outlook.look(now)

    assert run.book.eta is None


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
    now = run.work_all()

    run.outlook.look(now)

    assert run.left == pytest.approx(120)


def test_this_runs_own_verifications_say_it_better_than_those_of_earlier_runs() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    run.verify(seconds=300)

    run.outlook.look(run.work_all())

    assert run.left == pytest.approx(300, abs=1)


def test_a_verification_that_goes_on_comes_to_its_end() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    now = run.work_all()
    for entry in run.book.entries.values():
        entry.ended_at = datetime.now(UTC) - timedelta(hours=1)
    run.verify(seconds=0, began=100)

    run.outlook.look(now)

    assert run.left == pytest.approx(20, abs=1)


def test_a_verification_that_takes_longer_than_ever_is_not_said_to_end_at_once() -> None:
    run = Run()
    run.outlook.verifications = (120.0,)
    now = run.work_all()
    for entry in run.book.entries.values():
        entry.ended_at = datetime.now(UTC) - timedelta(hours=1)
    run.verify(seconds=0, began=1000)

    run.outlook.look(now)

    assert run.left == pytest.approx(60)


def test_verification_comes_on_top_of_the_tasks_that_are_left() -> None:
    run, unverified = Run(), Run()
    run.outlook.verifications = (7200.0,)

    run.outlook.look(0.0)
    unverified.outlook.look(0.0)

    assert run.left == pytest.approx(unverified.left + 7200)


def test_what_a_person_is_waited_for_counts_as_if_the_answer_came_now() -> None:
    run = Run()
    for number in range(6):
        run.dispatcher.hold(f"T{number}")
    run.book.ask("api", 1, owner="T0")

    run.outlook.look(0.0)

    assert 2400 < run.left < 6000
    assert run.dispatcher.state_of("T1") is TaskState.HELD


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_odd_durations_do_not_break_it(seconds: float) -> None:
    run = Run()

    run.outlook.look(run.work(start=0.0, seconds=seconds))

    assert run.left >= 0
