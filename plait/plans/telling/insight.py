"""Two or three sentences on what a run could have done better, naming its tasks and roles."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from plait.plans.forecasts.forecast import Forecast
from plait.plans.phrasing import count, spell_seconds, spell_share
from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, Span, TaskOutcome, TaskState
from plait.plans.telling.metrics import Metrics, failed_tries

MOST = 3
_FULL = 0.8
"""A role that works this share of the run is what the others wait for: queues grow without bound near 1."""
_MUCH = 0.1
"""What costs less than this share of the run is not worth a sentence."""
_OFF = 1.5
_FINISHED = (TaskState.DONE, TaskState.LANDED, TaskState.HELD)


class _Remark(NamedTuple):
    """A sentence, and what it is about in seconds of the run."""

    weight: float
    sentence: str


def insights(outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None = None) -> tuple[str, ...]:
    """At most three sentences, what cost most first; plain text with the plan's own names in it.

    `forecast` is what was expected of the run before it began.
    """
    if metrics.elapsed_seconds <= 0 or not metrics.tasks_run:
        return ()
    remarks = [
        *_bottleneck(metrics, forecast),
        *_failed_tries(outcome),
        *_conflicts(outcome),
        *_verification(outcome, metrics),
        *(_estimates(outcome, forecast) if forecast else ()),
        *(_chain(metrics, forecast) if forecast else ()),
    ]
    worth = [remark for remark in remarks if remark.weight >= _MUCH * metrics.elapsed_seconds]
    return tuple(remark.sentence for remark in sorted(worth, key=lambda remark: -remark.weight)[:MOST])


def _bottleneck(metrics: Metrics, forecast: Forecast | None) -> Iterator[_Remark]:
    """The busiest role, unless nobody was expected to wait for one of its agents: then more of them shorten nothing."""
    role, share = metrics.busiest_role, metrics.busiest_share
    if forecast and any(one.role == role and one.waiting <= 0 for one in forecast.roles):
        return
    if role is not None and share is not None and share >= _FULL and metrics.tasks_run > 1:
        yield _Remark(
            share * metrics.elapsed_seconds / 2,
            f"The agents of {role} worked {spell_share(share)} of the time: one more of them, or work moved to another "
            "role, would shorten the run most.",
        )


def _failed_tries(outcome: FeatureOutcome) -> Iterator[_Remark]:
    """The task whose failed tries took longest, by the mean length of its tries."""
    lost = {task: failed_tries(task) * _worked(task) / task.tries for task in outcome.tasks if task.tries}
    worst = max(lost, key=lambda task: lost[task], default=None)
    if worst is None or not lost[worst]:
        return
    yield _Remark(
        lost[worst],
        f"{worst.id} ({worst.role}) needed {count(worst.tries, 'try', 'tries')}, and "
        f"{spell_seconds(lost[worst])} went into those that failed: say more in its prompt, or cut it smaller.",
    )


def _conflicts(outcome: FeatureOutcome) -> Iterator[_Remark]:
    """The pair that cost most: the repairs of the one handed back, and a share of the search."""
    files: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for batch in outcome.batches:
        for rejection in batch.rejected:
            if rejection.partner and rejection.kind in ("conflict", "pair"):
                files[rejection.partner, rejection.task] |= dict.fromkeys(rejection.files)
    repaired = {task.id: sum(_seconds(span) for span in task.spans if span.repair) for task in outcome.tasks}
    cost = {pair: repaired.get(pair[1], 0.0) + _searching(outcome) / len(files) for pair in files}
    for one, other in sorted(cost, key=lambda pair: -cost[pair])[:1]:
        shared = list(files[one, other])
        where = f" in {', '.join(shared[:2])}" if shared else " in what they do"
        yield _Remark(
            max(cost[one, other], _MUCH * outcome.elapsed_seconds),
            f"{one} and {other} did not fit together{where}: give that to one of them, or let {other} need {one}.",
        )


def _searching(outcome: FeatureOutcome) -> float:
    """Seconds of batches that rejected something."""
    return sum(_length(batch) for batch in outcome.batches if batch.rejected)


def _verification(outcome: FeatureOutcome, metrics: Metrics) -> Iterator[_Remark]:
    """Time in which only batches were verified: no task was worked on."""
    alone = sum(_alone(batch, outcome) for batch in outcome.batches)
    if metrics.verifications:
        yield _Remark(
            alone,
            f"For {spell_seconds(alone)} nothing but verification went on "
            f"({count(metrics.verifications, 'verification')}): put the quick checks first, or give `integration` more "
            "slots.",
        )


def _alone(batch: BatchOutcome, outcome: FeatureOutcome) -> float:
    """Seconds of a batch after the last task that was worked on beside it."""
    if batch.started_at is None or batch.ended_at is None:
        return 0.0
    spans = [span for task in outcome.tasks for span in _spans(task)]
    beside = [span.ended_at for span in spans if span.started_at < batch.ended_at and span.ended_at > batch.started_at]
    return max(0.0, (batch.ended_at - min(batch.ended_at, max([batch.started_at, *beside]))).total_seconds())


def _estimates(outcome: FeatureOutcome, forecast: Forecast) -> Iterator[_Remark]:
    """The task that was furthest over what was expected of it, among those that the history takes in."""
    expected = {task.id: task.end - task.start for task in forecast.tasks}
    over = {
        task: worked - expected[task.id]
        for task in outcome.tasks
        if task.state in _FINISHED and (worked := _worked(task)) > _OFF * expected.get(task.id, worked)
    }
    for task in sorted(over, key=lambda task: -over[task])[:1]:
        planned = expected[task.id]
        yield _Remark(
            over[task],
            f"{task.id} ({task.role}) took {spell_seconds(_worked(task))} in place of {spell_seconds(planned)}: the "
            "next forecast counts with that.",
        )


def _chain(metrics: Metrics, forecast: Forecast) -> Iterator[_Remark]:
    path, share = forecast.critical_path, metrics.beside_share
    if len(path) > 2 and share is not None and share < 0.5:
        shown = " → ".join(path if len(path) <= 5 else [*path[:2], "…", path[-1]])
        yield _Remark(
            metrics.elapsed_seconds / 2,
            f"Most tasks waited for one another ({shown}): contracts that are agreed on first would let them overlap.",
        )


def _worked(task: TaskOutcome) -> float:
    """Seconds of the work itself, its retries included and repairs not."""
    return sum(_seconds(span) for span in _spans(task) if not span.repair)


def _spans(task: TaskOutcome) -> tuple[Span, ...]:
    """Of old records only the first start and the last end are known."""
    if task.spans or task.started_at is None or task.ended_at is None:
        return task.spans
    return (Span(started_at=task.started_at, ended_at=task.ended_at),)


def _seconds(span: Span) -> float:
    return (span.ended_at - span.started_at).total_seconds()


def _length(batch: BatchOutcome) -> float:
    return (batch.ended_at - batch.started_at).total_seconds() if batch.started_at and batch.ended_at else 0.0
