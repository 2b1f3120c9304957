"""Two or three sentences on what a run could have done better, naming its tasks and roles."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from plait.advice.forecasts.forecast_record import Forecast
from plait.advice.waits import Scarce
from plait.plans.language.model import COMMAND_ROLE
from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, RunState, Span, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, listed, spell_seconds, spell_share
from plait.show.delays import gains_of_one_more, longest_delay, scarce_of, share_of
from plait.show.failure_causes import FailureCause, advice_for, cause_of
from plait.show.last_chain import LastChain, What, last_chain, spans_of
from plait.show.metrics import Metrics, failed_tries, readings, whole_tries

MOST = 3
_FULL = 0.8
"""A role that works this share of the run is what the others wait for: queues grow without bound near 1."""
_MUCH = 0.1
"""What costs less than this share of the run is not worth a sentence, unless nothing else is to be said."""
_LITTLE = 0.02
_OFF = 1.5
_WORTH_MENDING = 1.0
"""Seconds of verification below which nobody has to make checks quicker: a first run of an example lasts less."""
_HAIR = 1e-3
"""Seconds below which nothing is gained."""
_WHATEVER_WORKS = (
    *(FailureCause.SETUP, FailureCause.MISSING_PROGRAM, FailureCause.MISSING_MODULE, FailureCause.TIMEOUT),
    *(FailureCause.SILENCE, FailureCause.FLOOD, FailureCause.MEMORY, FailureCause.SIGNAL),
)
"""What agents and commands can fail of alike."""
_FINISHED = (TaskState.DONE, TaskState.LANDED, TaskState.HELD)

_LINKS = 5
"""Tasks up to which a chain is shown whole."""
_PARTS = 4
_UNNAMED = 0.02
"""A part of the time that is not named."""


class _Remark(NamedTuple):
    """A sentence, and what it is about in seconds of the run."""

    weight: float
    sentence: str


def insights(outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None = None) -> tuple[str, ...]:
    """What cost most first; plain text with the plan's own names in it.

    At most three sentences. At least two for a run that took much longer than its bound, the first on what its last
    tasks waited for; one for any other that nobody cancelled. Of older runs and of those that go on less is known:
    there may be none.
    `forecast` is what was expected of the run before it began.
    """
    if metrics.elapsed_seconds <= 0 or not metrics.tasks_run:
        return ()
    chain = last_chain(outcome)
    remarks = sorted(_remarks(outcome, metrics, forecast, chain), key=lambda remark: -remark.weight)
    worth = [remark.sentence for remark in remarks if remark.weight >= _MUCH * metrics.elapsed_seconds]
    little = [remark.sentence for remark in remarks if _LITTLE <= remark.weight / metrics.elapsed_seconds < _MUCH]
    verdict = next((reading.verdict for reading in readings(metrics) if reading.figure == "bound"), "good")
    if chain is None or outcome.conditions is None:
        return tuple(worth[:MOST])
    if verdict == "good":
        was_cut = outcome.state is RunState.CANCELLED  # then nothing but a person made it so short
        limit = [] if was_cut else [told_limit(chain, outcome.conditions.bound_kind, metrics)]
        return tuple(worth[:MOST] or limit)
    return (told_chain(chain), *(worth[: MOST - 1] or [*little, told_longest(chain)][:1]))


def _remarks(
    outcome: FeatureOutcome, metrics: Metrics, forecast: Forecast | None, chain: LastChain | None
) -> Iterator[_Remark]:
    yield from _bottleneck(outcome, metrics, forecast, chain)
    yield from _failed_tries(outcome)
    yield from _conflicts(outcome)
    yield from _verification(outcome, metrics)
    yield from _approvals(outcome, metrics)
    yield from _accounts(outcome, metrics)
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
    known = [scarce for scarce in scarce_of(outcome, chain) if not _is_expected_to_be_enough(scarce, outcome, forecast)]
    gains = gains_of_one_more(outcome, known)
    best = max(gains, key=lambda scarce: gains[scarce], default=None)
    if best is not None and gains[best] > 0:
        yield _Remark(gains[best], told_scarce(best, share_of(outcome, best), gains[best]))


def _busiest(metrics: Metrics, forecast: Forecast | None) -> Iterator[_Remark]:
    """The busiest role, unless nobody was expected to wait for one of its agents: then more of them shorten nothing."""
    role, share = metrics.busiest_role, metrics.busiest_share
    if role is None or share is None or share < _FULL or metrics.tasks_run < 2:
        return
    if forecast and any(fare.role == role and fare.waiting <= 0 for fare in forecast.roles):
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
    slots = {fare.role: fare.slots for fare in forecast.roles}
    more = [
        variant
        for variant in forecast.what_if
        if variant.role == role and variant.slots > slots.get(role, variant.slots)
    ]
    return any(forecast.elapsed - variant.elapsed < _HAIR for variant in more)


def _failed_tries(outcome: FeatureOutcome) -> Iterator[_Remark]:
    """The task whose failed tries took longest, by the mean length of its tries."""
    lost = {task: failed_tries(task) * _worked(task) / whole_tries(task) for task in outcome.tasks if whole_tries(task)}
    worst = max(lost, key=lambda task: lost[task], default=None)
    if worst is None or not lost[worst]:
        return
    yield _Remark(lost[worst], f"{_told_tries(worst, lost[worst])}: {_told_cure(worst, outcome)}.")


def _told_tries(task: TaskOutcome, lost: float) -> str:
    who = f"{task.id} ({task.role})"
    tries = whole_tries(task)
    if tries == 1:
        return f"{who} failed after {spell_seconds(lost)}"
    if failed_tries(task) == tries:
        return f"{who} failed {tries} times, and {spell_seconds(lost)} went into that"
    return f"{who} needed {count(tries, 'try', 'tries')}, and {spell_seconds(lost)} went into those that failed"


def _told_cure(task: TaskOutcome, outcome: FeatureOutcome) -> str:
    """What helps against why it failed; of one that went well at last only that it took several tries is known.

    A command has no prompt.
    """
    cause = cause_of(task.reason)
    if cause in _WHATEVER_WORKS:
        return advice_for(cause)
    commands = outcome.conditions.commands if outcome.conditions else ()
    if task.id in commands or task.role == COMMAND_ROLE:
        return advice_for(FailureCause.COMMAND)
    return "say more in its prompt, or cut it smaller" if cause is FailureCause.UNKNOWN else advice_for(cause)


def _conflicts(outcome: FeatureOutcome) -> Iterator[_Remark]:
    """The pair that cost most: the repairs of the one handed back, and a share of the search."""
    files: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for batch in outcome.batches:
        for rejection in batch.rejected:
            if rejection.partner and rejection.kind in ("conflict", "pair"):
                files[rejection.partner, rejection.task] |= dict.fromkeys(rejection.files)
    repaired = {task.id: sum(_seconds(span) for span in task.spans if span.repair) for task in outcome.tasks}
    cost = {pair: repaired.get(pair[1], 0.0) + _searching(outcome) / len(files) for pair in files}
    for first, second in sorted(cost, key=lambda pair: -cost[pair])[:1]:
        shared = list(files[first, second])
        where = f" in {', '.join(shared[:2])}" if shared else " in what they do"
        yield _Remark(
            max(cost[first, second], _MUCH * outcome.elapsed_seconds),
            f"{first} and {second} did not fit together{where}: give that to one of them, "
            f"or let {second} need {first}.",
        )


def _searching(outcome: FeatureOutcome) -> float:
    """Seconds of batches that rejected something."""
    return sum(_length(batch) for batch in outcome.batches if batch.rejected)


def _verification(outcome: FeatureOutcome, metrics: Metrics) -> Iterator[_Remark]:
    """Time in which only batches were verified: no task was worked on."""
    alone = sum(_alone(batch, outcome) for batch in outcome.batches)
    if metrics.verifications and alone >= _WORTH_MENDING:
        searched = any(batch.rejected for batch in outcome.batches)
        better = "give integration more slots" if searched else "make them quicker"
        cure = f": put the quick checks first, or {better}"
        if _mostly_sets_up(outcome):
            cure = ", and most of that was set-up: see if `setup` can do less, or be used again (`setup_inputs`)"
        yield _Remark(
            alone,
            f"For {spell_seconds(alone)} nothing but verification went on "
            f"({count(metrics.verifications, 'verification')}){cure}.",
        )


def _mostly_sets_up(outcome: FeatureOutcome) -> bool:
    """Whether verifications whose checks are known took more than half of their time before these began."""
    batches = [batch for batch in outcome.batches if batch.setup and batch.stages]
    whole = [tree.seconds for batch in batches for tree in batch.trees if tree.tree == batch.tree and tree.log]
    checking = sum(stage.seconds for batch in batches for stage in batch.stages)
    return sum(whole) > 2 * checking


def _approvals(outcome: FeatureOutcome, metrics: Metrics) -> Iterator[_Remark]:
    """What waited for a person's answer; where nothing did, the time in which nothing else went on."""
    contracts = tuple(dict.fromkeys(approval.contract for approval in outcome.approvals))
    if not contracts:
        return
    is_work = all(approval.is_work for approval in outcome.approvals)
    cure = "answer sooner" if is_work else "answer sooner, or let tests approve it (`approval: tests`)"
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


def _accounts(outcome: FeatureOutcome, metrics: Metrics) -> Iterator[_Remark]:
    """The time in which nothing went on but waiting for accounts."""
    if outcome.conditions is None or not metrics.account_seconds:
        return
    seconds, roles = metrics.account_seconds, outcome.conditions.account_roles
    yield _Remark(
        seconds,
        f"For {spell_seconds(seconds)} nothing went on but waiting for the account of {listed(roles)}: a `fallback` "
        "with another account would have gone on.",
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
    """Seconds of the work itself, its retries included, repairs and what a kill cut off not."""
    return sum(_seconds(span) for span in spans_of(task) if not span.repair and not span.cut)


def _seconds(span: Span) -> float:
    return (span.ended_at - span.started_at).total_seconds()


def _length(batch: BatchOutcome) -> float:
    return (batch.ended_at - batch.started_at).total_seconds() if batch.started_at and batch.ended_at else 0.0


def told_chain(chain: LastChain) -> str:
    """What the run's time went into, along the tasks that ended last."""
    totals = chain.totals()
    least = _UNNAMED * sum(totals.values())
    parts = [f"{spell_seconds(own)} {_spent(*what)}" for what, own in totals.items() if own >= least]
    return f"The last to end was {_arrows(chain.tasks)}, which took {listed(tuple(parts[:_PARTS]))}."


def told_longest(chain: LastChain) -> str:
    """The longest task among those that ended last."""
    longest = max((step for step in chain.steps if step.what in ("work", "repair")), key=lambda step: step.seconds)
    return (
        f"The longest of {'them' if len(chain.tasks) > 1 else 'its work'} was {longest.task} with "
        f"{spell_seconds(longest.seconds)}: cut smaller, its parts could run beside one another."
    )


def told_limit(chain: LastChain, kind: str, metrics: Metrics) -> str:
    """What a run that was as short as its bound was bound by; `kind` as `Bound` says it."""
    bound = f"end it before {spell_seconds(metrics.bound_seconds)}"
    if " of " not in kind:
        return f"{_arrows(chain.tasks)} ended last: only shorter tasks, or fewer needs among them, {bound}."
    what, name = kind.split(" of ", 1)[1].split(" ", 1)
    if what == "resource":
        return f"The resource {name} was what all waited for: only more units of it, or less use, {bound}."
    return f"The work of {name} was what all waited for: only more agents, or less work for them, {bound}."


def told_scarce(scarce: Scarce, share: float, gain: float) -> str:
    """A role or resource of which one more would have helped, by that many seconds."""
    sooner = f"would have ended the run about {spell_seconds(gain)} sooner"
    if scarce.what == "resource":
        return f"The resource {scarce.name} was in use {spell_share(share)} of the time: one more unit of it {sooner}."
    return f"The agents of {scarce.name} worked {spell_share(share)} of the time: one more of them {sooner}."


def _spent(what: What, name: str) -> str:
    return {
        "work": "of work",
        "retry": "of tries that failed",
        "repair": "of repairs",
        "role": f"until an agent of {name} was free",
        "resource": f"until the resource {name} was free",
        "approval": f"until somebody approved {name}",
        "verification": "of verification",
        "nothing": "in which none of them was at work",
    }[what]


def _arrows(tasks: Sequence[str]) -> str:
    shown = tasks if len(tasks) <= _LINKS else [*tasks[:2], "…", *tasks[-2:]]
    return " → ".join(shown)
