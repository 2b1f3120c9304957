"""How far a run is: one record for `--json`, the live table, artifacts and whoever watches; and its words."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from plait.plans.tasks.outcomes import Approval, FeatureOutcome, Rest, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage, usage_of
from plait.plans.wording import listed, spell_roughly, spell_seconds
from plait.show.metrics import failed_tries
from plait.show.next_steps import answer_command

_FINISHED = {TaskState.DONE, TaskState.LANDED, TaskState.HELD}
LATE_TIMES = 4.0
"""From how many times its estimate on a task is told of: half as long again is usual, four times is not."""
SOONEST_LATE = 30.0
"""Seconds below which neither counts: estimates of seconds mean little."""
LONG_SILENCE = 600.0
"""Seconds, or half of what is planned: agents think for minutes, and checks of minutes may print nothing."""
_AHEAD = {TaskState.PENDING, TaskState.READY, TaskState.RUNNING}


class _ProgressPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunIdentity(_ProgressPart):
    """Which run this is about."""

    run_id: str
    feature: str
    started_at: datetime


class ActiveAgent(_ProgressPart):
    """An agent at work."""

    task: str
    role: str
    agent: str
    since: datetime
    last_line: str = Field(default="", description="What it wrote last; not escaped.")
    tool: str = Field(default="", description="The tool that it uses now, and what for; not escaped.")
    model: str | None = Field(default=None, description="The model that it works with, where its program tells.")
    usage: Usage | None = Field(default=None, description="What this try has used up so far, where its program tells.")
    silent_seconds: float = Field(default=0.0, description="How long it, and the checks of its work, wrote nothing.")
    worked_seconds: float = Field(default=0.0, description="How long this stretch of work has gone on.")
    planned_seconds: float | None = Field(default=None, description="How long the plan says that it takes.")

    @property
    def times(self) -> float:
        """How many times as long as planned it has worked by now; 0 where the plan does not say."""
        return self.worked_seconds / self.planned_seconds if self.planned_seconds else 0.0

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at it: it has been silent for long, or works much longer than planned."""
        is_late = self.times >= LATE_TIMES and self.worked_seconds >= SOONEST_LATE
        return is_late or self.silent_seconds >= max(LONG_SILENCE, (self.planned_seconds or 0.0) / 2)


class OpenQuestion(_ProgressPart):
    """What a person has been asked, and has not answered."""

    contract: str = Field(description="Of a task's work, the task.")
    version: int = Field(description="Of a task's work, how often it had been sent back.")
    written_by: str = Field(description="The task; nobody works on it meanwhile.")
    since: datetime
    holds: tuple[str, ...] = Field(description="Tasks that cannot start before.")
    command: str = Field(description="What the person types to approve it.")
    is_work: bool = Field(default=False, description="Whether it is about a task's work, and not a contract.")


class OpenRest(_ProgressPart):
    """Roles that start no agent for a time, or for good."""

    roles: tuple[str, ...]
    kind: str = Field(description="quota, login, overload, or stopped.")
    words: str = Field(description="What the program said; not escaped.")
    until: datetime | None = Field(description="When it is tried again; nothing for a role that is stopped.")
    gives_up_at: datetime | None = Field(
        description="When the run ends by that; nothing while anything else goes on in it."
    )


class Eta(_ProgressPart):
    """When the run will end, as a forecast of the rest of it says: seconds from `at`, each a quantile.

    With the verification that is still to come, where it is known how long that takes; without the time until a person
    has answered.
    """

    at: datetime
    p10_seconds: float
    p50_seconds: float
    p80_seconds: float
    p90_seconds: float

    def after(self, now: datetime) -> "Eta":
        """The same moments, seen from `now`."""
        gone = (now - self.at).total_seconds()
        return Eta(
            at=now,
            p10_seconds=max(0.0, self.p10_seconds - gone),
            p50_seconds=max(0.0, self.p50_seconds - gone),
            p80_seconds=max(0.0, self.p80_seconds - gone),
            p90_seconds=max(0.0, self.p90_seconds - gone),
        )


class Totals(_ProgressPart):
    """How many tasks are in each state."""

    pending: int = 0
    ready: int = 0
    running: int = 0
    done: int = 0
    landed: int = 0
    failed: int = 0
    blocked: int = 0
    held: int = 0
    cancelled: int = 0


class Progress(_ProgressPart):
    """A run at one moment."""

    session: RunIdentity
    at: datetime
    elapsed_seconds: float
    tasks: int
    totals: Totals
    active: tuple[ActiveAgent, ...]
    tasks_per_hour: float | None = Field(description="Tasks that were finished and checked, by elapsed time.")
    error_rate: float | None = Field(description="Failed tries by all tries that have ended, 0 to 1.")
    eta_seconds: float | None = Field(
        description="Until the run ends, a person's answers aside; nothing while there is nothing to go by."
    )
    eta: Eta | None = Field(default=None, description="The same with its spread, while a forecast is kept.")
    waiting: tuple[OpenQuestion, ...] = Field(default=(), description="What persons are waited for.")
    paused_by: str | None = Field(default=None, description="Who has paused it; nothing while it is not paused.")
    resting: tuple[OpenRest, ...] = Field(
        default=(), description="Roles that start no agent now: their account has refused, or their program breaks off."
    )
    usage: Usage | None = Field(
        default=None, description="What all agents have used up by now, as far as they told; those at work included."
    )

    def to_json(self) -> str:
        """One line."""
        return self.model_dump_json()


def progress_of(
    outcome: FeatureOutcome,
    active: Sequence[ActiveAgent],
    now: datetime,
    *,
    eta: Eta | None = None,
) -> Progress:
    """Where the run stands at `now`.

    `eta` is what a forecast says of the rest. Without one the ETA is the larger of what remains of the run's lower
    bound and of the remaining tasks at the pace so far; nothing once no task is left, but something has yet to land.
    """
    elapsed = max(0.0, (now - outcome.started_at).total_seconds())
    tasks = outcome.counted
    totals = Totals(**{state.value: sum(task.state is state for task in tasks) for state in TaskState})
    finished = sum(task.state in _FINISHED for task in tasks)
    ahead = sum(task.state in _AHEAD for task in tasks)
    eta = eta.after(now) if eta and not outcome.rests and (ahead or _has_to_land(outcome)) else None
    return Progress(
        session=RunIdentity(run_id=outcome.run_id, feature=outcome.feature, started_at=outcome.started_at),
        at=now,
        elapsed_seconds=elapsed,
        tasks=len(tasks),
        totals=totals,
        active=tuple(active),
        tasks_per_hour=3600 * finished / elapsed if elapsed > 0 else None,
        error_rate=_error_rate(outcome),
        eta_seconds=eta.p50_seconds if eta else _pace(outcome, elapsed, finished=finished, ahead=ahead),
        eta=eta,
        usage=used_up(outcome, active),
        paused_by=outcome.paused_by,
        resting=tuple(OpenRest(**rest.model_dump()) for rest in outcome.rests),
        waiting=tuple(_waiting(outcome.feature, approval) for approval in outcome.asked),
    )


def used_up(outcome: FeatureOutcome, active: Iterable[ActiveAgent] = ()) -> Usage | None:
    """What the agents of a run have used up by now, commands aside; nothing where none has told anything."""
    commands = outcome.conditions.commands if outcome.conditions else ()
    tried = [task for task in outcome.tasks if task.tries and task.id not in commands]
    ended = [task.usage for task in tried if task.state is not TaskState.RUNNING]
    under_way = [task.usage for task in tried if task.state is TaskState.RUNNING and task.usage]
    return usage_of([*ended, *under_way, *(agent.usage for agent in active)])


def used_by(task: TaskOutcome, agent: ActiveAgent | None) -> Usage | None:
    """What a task has used up by now: in what is over of it, and in the try that goes on."""
    return usage_of([usage for usage in (task.usage, agent.usage if agent else None) if usage is not None])


def spell_used(usage: Usage | None) -> str:
    """`1.2M tokens, $3.10`; `≥` before what is not all of it; nothing where nobody told."""
    if usage is None:
        return ""
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    told = [f"{short_number(tokens)} tokens"] if tokens else []
    told += [f"${usage.usd:,.2f}"] if usage.usd is not None else []
    return ("" if usage.exact or not told else "≥ ") + ", ".join(told)


def short_number(number: int) -> str:
    """`940`, `12.3k`, `4.0M`."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1e6:.1f}M"


def _has_to_land(outcome: FeatureOutcome) -> bool:
    """Whether something is finished that has not landed, or a batch is in work."""
    finished = any(task.state is TaskState.DONE for task in outcome.tasks)
    return outcome.state is RunState.RUNNING and (finished or any(not batch.ended_at for batch in outcome.batches))


def _waiting(feature: str, asked: Approval) -> OpenQuestion:
    return OpenQuestion(
        contract=asked.contract,
        version=asked.version,
        written_by=asked.owner,
        since=asked.asked_at,
        holds=asked.holds,
        command=answer_command(feature, asked),
        is_work=asked.is_work,
    )


def _error_rate(outcome: FeatureOutcome) -> float | None:
    ended = sum(task.tries - (task.state is TaskState.RUNNING) for task in outcome.tasks if task.tries)
    return sum(failed_tries(task) for task in outcome.tasks) / ended if ended else None


def _pace(outcome: FeatureOutcome, elapsed: float, *, finished: int, ahead: int) -> float | None:
    if outcome.asked or outcome.rests or (not ahead and _has_to_land(outcome)):
        return None
    if not ahead:
        return 0.0
    guesses = [outcome.bound_seconds - elapsed] if outcome.bound_seconds > 0 else []
    if finished:
        guesses.append(ahead * elapsed / finished)
    return max(0.0, *guesses) if guesses else None


def spell_rest(rest: Rest, now: datetime) -> str:
    """`dev and qa: no quota left, tried again at 15:04 (in 2 h)`, with the words last; not escaped, times as here."""
    said = _RESTS[rest.kind]
    if rest.until is not None:
        said += f", tried again at {_clock(rest.until, now)} (in {spell_roughly(_seconds_to(rest.until, now))})"
    if rest.gives_up_at is not None:
        said += f", the run ends at {_clock(rest.gives_up_at, now)} if that goes on"
    return f"{listed(rest.roles)}: {said}: {rest.words}"


_RESTS = {
    "quota": "no quota left",
    "login": "not logged in",
    "overload": "the provider limits the rate",
    "stopped": "stopped, as its program ends at once with the same words",
}


def _clock(moment: datetime, now: datetime) -> str:
    """`15:04`, or `Dec 02 15:04` where that is not today."""
    there, here = moment.astimezone(), now.astimezone()
    return f"{there:%H:%M}" if there.date() == here.date() else f"{there:%b %d %H:%M}"


def _seconds_to(moment: datetime, now: datetime) -> float:
    return max(0.0, (moment - now).total_seconds())


def spell_doubt(agent: ActiveAgent) -> str:
    """`A (dev-1): silent for 12 min, at work for 8 times its estimate of 10 min`, and what to do; not escaped."""
    # Who is late at 30 s and has said nothing at all is silent for a little less: its set-up came first.
    silent = agent.silent_seconds >= min(SOONEST_LATE, 0.9 * agent.worked_seconds)
    said = [f"silent for {spell_seconds(agent.silent_seconds)}"] if silent else []
    if agent.planned_seconds and agent.times >= LATE_TIMES:
        estimate = spell_seconds(agent.planned_seconds)
        said.append(f"at work for {agent.times:.0f} times its estimate of {estimate}")
    look = f"`plait logs {agent.task} -f` shows what it said, `plait cancel` ends the run"
    return f"{agent.task} ({agent.agent}): {', '.join(said)}; {look}"


def asked_for(asked: Approval) -> str:
    """`the contract cart-api v1, written by API`, or `the work of API`; not escaped."""
    if asked.is_work:
        return f"the work of {asked.owner}, which its reviewer has not approved"
    return f"the contract {asked.contract} v{asked.version}, written by {asked.owner}"


def held_by(asked: Approval) -> str:
    """`PAGE and TESTS start after that`; nothing where nobody waits; not escaped."""
    return f"{listed(asked.holds)} {'starts' if len(asked.holds) == 1 else 'start'} after that" if asked.holds else ""


def spell_left(eta: Eta, asked: Sequence[Approval] = (), *, spread: bool = True) -> str:
    """`about 12 min left (8 min to 20 min)`: the median, and what four of five runs end within.

    While a person is waited for, no spread: `about 12 min left, plus the time until cart-api is approved`.
    Nothing once the median is over.
    """
    if eta.p50_seconds <= 0:
        return ""
    left = f"about {spell_roughly(eta.p50_seconds)} left"
    if asked:
        return f"{left}, plus the time until {_named(asked)} approved"
    low, high = spell_roughly(eta.p10_seconds), spell_roughly(eta.p90_seconds)
    return f"{left} ({low} to {high})" if spread and low != high else left


def _named(asked: Iterable[Approval]) -> str:
    names = tuple(dict.fromkeys(approval.contract for approval in asked))
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
