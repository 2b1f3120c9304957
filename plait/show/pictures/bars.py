"""What a Gantt chart shows: pieces of work and batches, in seconds since the run's start."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from plait.plans.tasks.outcomes import BatchState, FeatureOutcome, Span, TaskOutcome, TaskState

_LONGEST = 1e11
"""Seconds (3,000 years): beyond it only a bug counts."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of work; several of one task (its tries) share a lane."""

    task: str
    role: str
    start: float
    end: float
    state: TaskState = TaskState.LANDED
    """A failed one is hatched, one that was held or handed back dashed, a cancelled or running one pale."""
    tries: int = 1
    critical: bool = False


@dataclass(frozen=True, slots=True)
class BatchBar:
    """One batch, from its building to its verdict; a diamond at its end where something landed."""

    id: str
    start: float
    end: float
    landed: int = 0
    rejected: int = 0
    verifications: int = 0


def bars_of(outcome: FeatureOutcome, *, critical: Collection[str] = ()) -> tuple[Bar, ...]:
    """A bar for each time that a task was worked on; one that has not ended reaches to the run's end.

    What another time came after had been handed back, whatever became of the task.
    """
    return tuple(
        Bar(
            task=task.id,
            role=task.role,
            start=(span.started_at - outcome.started_at).total_seconds(),
            end=(span.ended_at - outcome.started_at).total_seconds(),
            state=_state_of(task, span, last=span is spans[-1]),
            tries=task.tries,
            critical=task.id in critical,
        )
        for task in outcome.tasks
        for spans in [tuple(_spans_of(task, outcome))]
        for span in spans
    )


def _state_of(task: TaskOutcome, span: Span, *, last: bool) -> TaskState:
    if not span.ok:
        return TaskState.FAILED
    return task.state if last else TaskState.HELD


def _spans_of(task: TaskOutcome, outcome: FeatureOutcome) -> Iterable[Span]:
    now = outcome.ended_at or outcome.started_at + timedelta(seconds=outcome.elapsed_seconds)
    yield from task.spans
    if task.started_at is not None and (not task.spans or task.state is TaskState.RUNNING):
        began = task.spans[-1].ended_at if task.spans else task.started_at
        yield Span(started_at=began, ended_at=task.ended_at or now)


def batch_bars_of(outcome: FeatureOutcome) -> tuple[BatchBar, ...]:
    """A bar for each batch whose times are known."""
    return tuple(
        BatchBar(
            id=batch.id,
            start=(batch.started_at - outcome.started_at).total_seconds(),
            end=(batch.ended_at - outcome.started_at).total_seconds(),
            landed=0 if batch.state is BatchState.READY_TO_LAND else len(batch.landed),
            rejected=len(batch.rejected),
            verifications=batch.verifications,
        )
        for batch in outcome.batches
        if batch.started_at is not None and batch.ended_at is not None
    )


def sane_bar(bar: Bar) -> Bar:
    """Times that are no numbers count as 0, negative ones too, an end before its start as its start."""
    start, end = sane_times(bar.start, bar.end)
    return replace(bar, start=start, end=end)


def sane_batch(batch: BatchBar) -> BatchBar:
    """The same for a batch."""
    start, end = sane_times(batch.start, batch.end)
    return replace(batch, start=start, end=end)


def sane_times(start: float, end: float) -> tuple[float, float]:
    """Two times that can be drawn, the second not before the first."""
    first, last = (min(max(time, 0.0), _LONGEST) if math.isfinite(time) else 0.0 for time in (start, end))
    return first, max(first, last)
