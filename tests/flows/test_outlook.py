"""The ETA of a run that goes on, from what it has done so far."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.recording.outlook import LATEST, SOONEST, Outlook
from flows.running.book import Book, open_book
from plait.plans.forecasts.estimating import Durations
from plait.plans.language.crew import DEFAULT_CREW
from plait.plans.language.parsing import parse_plan
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.tasks.expansion import expand
from plait.plans.tasks.outcomes import Span, TaskState

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
        entry.state = TaskState.DONE
        return start + seconds

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


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_odd_durations_do_not_break_it(seconds: float) -> None:
    run = Run()

    run.outlook.look(run.work(start=0.0, seconds=seconds))

    assert run.left >= 0
