"""Two or three sentences on what a run could have done better, naming its tasks and roles."""

from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from plait.advice.forecasts.forecast import Forecast
from plait.advice.waits import Scarce
from plait.plans.language.model import COMMAND_ROLE
from plait.plans.phrasing import count, listed, spell_seconds, spell_share
from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, Span, TaskOutcome, TaskState
from plait.show.delays import longest_delay, scarce_of, share_of
from plait.show.last_chain import LastChain, last_chain, spans_of
from plait.show.limits import told_chain, told_limit, told_longest, told_scarce
from plait.show.metrics import Metrics, failed_tries, readings
from plait.show.replaying import gains_of_one_more

MOST = 3
_FULL = 0.8
"""A role that works this share of the run is what the others wait for: queues grow without bound near 1."""
_MUCH = 0.1
"""What costs less than this share of the run is not worth a sentence, unless nothing else is to be said."""
_LITTLE = 0.02
_OFF = 1.5
_HAIR = 1e-3
"""Seconds below which nothing is gained."""
_FINISHED = (TaskState.DONE, TaskState.LANDED, TaskState.HELD)


class _Remark(NamedTuple):
    """A sentence, and what it is about in seconds of the run."""

    weight: float
    sentence: str


def insights(outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None = None) -> tuple[str, ...]:
    """What cost most first; plain text with the plan's own names in it.

    At most three sentences. At least two for a run that took much longer than its bound, the first on what its last
    tasks waited for; one for any other. Of older runs and of those that go on less is known: there may be none.
    `forecast` is what was expected of the run before it began.
    """
    if metrics.elapsed_seconds <= 0 or not metrics.tasks_run:
        return ()
    chain = last_chain(outcome)
    remarks = sorted(_remarks(outcome, metrics, forecast, chain), key=lambda remark: -remark.weight)
    worth = [one.sentence for one in remarks if one.weight >= _MUCH * metrics.elapsed_seconds]
    little = [one.sentence for one in remarks if _LITTLE <= one.weight / metrics.elapsed_seconds < _MUCH]
    verdict = next((reading.verdict for reading in readings(metrics) if reading.figure == "bound"), "good")
    if chain is None or outcome.conditions is None:
        return tuple(worth[:MOST])
    if verdict == "good":
        return tuple(worth[:MOST] or [told_limit(chain, outcome.conditions.bound_kind, metrics)])
    return (told_chain(chain), *(worth[: MOST - 1] or [*little, told_longest(chain)][:1]))


def _remarks(
    outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None, chain: LastChain | None
) -> Iterator[_Remark]:
    yield from _bottleneck(outcome, metrics, forecast, chain)
    yield from _failed_tries(outcome)
    yield from _conflicts(outcome)
    yield from _verification(outcome, metrics)
    yield from _approvals(outcome, metrics)
    if forecast:
        yield from _estimates(outcome, forecast, chain)
        yield from _chain(metrics, forecast)


def _bottleneck(
    outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None, chain: LastChain | None
) -> Iterator[_Remark]:
    """The role or resource that all waited for; where what was waited for is known, one more of it has to help."""
    if chain is None:
        yield from _busiest(metrics, forecast)
        return
    known = [one for one in scarce_of(outcome, chain) if not _is_expected_to_be_enough(one, outcome, forecast)]
    gains = gains_of_one_more(outcome, known)
    best = max(gains, key=lambda one: gains[one], default=None)
    if best is not None and gains[best] > 0:
        yield _Remark(gains[best], told_scarce(best, share_of(outcome, best), gains[best]))


def _busiest(metrics: Metrics, forecast: Forecast | None) -> Iterator[_Remark]:
    """The busiest role, unless nobody was expected to wait for one of its agents: then more of them shorten nothing."""
    role, share = metrics.busiest_role, metrics.busiest_share
    if role is None or share is None or share < _FULL or metrics.tasks_run < 2:
        return
    if forecast and any(one.role == role and one.waiting <= 0 for one in forecast.roles):
        return
    if forecast and (" of resource " in forecast.bound.kind or _gains_nothing(role, forecast)):
        return
    yield _Remark(
        share * metrics.elapsed_seconds / 2,
        f"The agents of {role} worked {spell_share(share)} of the time: one more of them, or work moved to another "
        "role, would shorten the run most.",
    )


def _is_expected_to_be_enough(scarce: Scarce, outcome: FeatureOutcome, forecast: Forecast | None) -> bool:
    """Whether one more agent was known to gain nothing: the forecast says so, or a resource sets the bound."""
    if scarce.what == "resource":
        return False
    kind = outcome.conditions.bound_kind if outcome.conditions else ""
    return " of resource " in kind or (forecast is not None and _gains_nothing(scarce.name, forecast))


def _gains_nothing(role: str, forecast: Forecast) -> bool:
    slots = {one.role: one.slots for one in forecast.roles}
    more = [one for one in forecast.what_if if one.role == role and one.slots > slots.get(role, one.slots)]
    return any(forecast.elapsed - one.elapsed < _HAIR for one in more)


def _failed_tries(outcome: FeatureOutcome) -> Iterator[_Remark]:
    """The task whose failed tries took longest, by the mean length of its tries."""
    lost = {task: failed_tries(task) * _worked(task) / task.tries for task in outcome.tasks if task.tries}
    worst = max(lost, key=lambda task: lost[task], default=None)
    if worst is None or not lost[worst]:
        return
    yield _Remark(lost[worst], f"{_told_tries(worst, lost[worst])}: {_told_cure(worst, outcome)}.")


def _told_tries(task: TaskOutcome, lost: float) -> str:
    who = f"{task.id} ({task.role})"
    if task.tries == 1:
        return f"{who} failed after {spell_seconds(lost)}"
    if failed_tries(task) == task.tries:
        return f"{who} failed {task.tries} times, and {spell_seconds(lost)} went into that"
    return f"{who} needed {count(task.tries, 'try', 'tries')}, and {spell_seconds(lost)} went into those that failed"


def _told_cure(task: TaskOutcome, outcome: FeatureOutcome) -> str:
    """A command has no prompt."""
    commands = outcome.conditions.commands if outcome.conditions else ()
    if task.id in commands or task.role == COMMAND_ROLE:
        return "look at its command, and at what that printed"
    return "say more in its prompt, or cut it smaller"


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
        searched = any(batch.rejected for batch in outcome.batches)
        better = "give integration more slots" if searched else "make them quicker"
        yield _Remark(
            alone,
            f"For {spell_seconds(alone)} nothing but verification went on "
            f"({count(metrics.verifications, 'verification')}): put the quick checks first, or {better}.",
        )


def _approvals(outcome: FeatureOutcome, metrics: Metrics) -> Iterator[_Remark]:
    """What waited for a person's answer; where nothing did, the time in which nothing else went on."""
    contracts = tuple(dict.fromkeys(one.contract for one in outcome.approvals))
    if not contracts:
        return
    cure = "answer sooner, or let tests approve it (`approval: tests`)"
    delay = longest_delay(outcome)
    if delay is not None and delay.seconds >= metrics.approval_seconds:
        waited = f"{listed(delay.tasks, 4)} waited {spell_seconds(delay.seconds)}"
        yield _Remark(delay.seconds, f"{waited} until somebody approved {delay.contract}: {cure}.")
    else:
        yield _Remark(
            metrics.approval_seconds,
            f"For {spell_seconds(metrics.approval_seconds)} nothing went on but waiting until somebody approved "
            f"{listed(contracts)}: {cure}.",
        )


def _alone(batch: BatchOutcome, outcome: FeatureOutcome) -> float:
    """Seconds of a batch after the last task that was worked on beside it."""
    if batch.started_at is None or batch.ended_at is None:
        return 0.0
    spans = [span for task in outcome.tasks for span in spans_of(task)]
    beside = [span.ended_at for span in spans if span.started_at < batch.ended_at and span.ended_at > batch.started_at]
    return max(0.0, (batch.ended_at - min(batch.ended_at, max([batch.started_at, *beside]))).total_seconds())


def _estimates(outcome: FeatureOutcome, forecast: Forecast, chain: LastChain | None) -> Iterator[_Remark]:
    """The task that was furthest over what was expected of it, of those that held up the end of the run."""
    expected = {task.id: task.end - task.start for task in forecast.tasks}
    over = {
        task: worked - expected[task.id]
        for task in outcome.tasks
        if task.state in _FINISHED
        and (chain is None or task.id in chain.tasks)
        and (worked := _worked(task)) > _OFF * expected.get(task.id, inf)
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
    return sum(_seconds(span) for span in spans_of(task) if not span.repair)


def _seconds(span: Span) -> float:
    return (span.ended_at - span.started_at).total_seconds()


def _length(batch: BatchOutcome) -> float:
    return (batch.ended_at - batch.started_at).total_seconds() if batch.started_at and batch.ended_at else 0.0
