"""How far a run is, as one record: for `--json`, the live table, artifacts and whoever watches."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from plait.plans.tasks.outcomes import FeatureOutcome, TaskState
from plait.plans.telling.metrics import failed_tries

_FINISHED = {TaskState.DONE, TaskState.LANDED, TaskState.HELD}
_AHEAD = {TaskState.PENDING, TaskState.READY, TaskState.RUNNING}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(_Record):
    """Which run this is about."""

    run_id: str
    feature: str
    started_at: datetime


class ActiveAgent(_Record):
    """An agent at work."""

    task: str
    role: str
    agent: str
    since: datetime
    last_line: str = Field(default="", description="What it wrote last; not escaped.")


class Eta(_Record):
    """When the last task will end, as a forecast of the rest of the run says: seconds from `at`, each a quantile."""

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


class Totals(_Record):
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


class Progress(_Record):
    """A run at one moment."""

    session: Session
    at: datetime
    elapsed_seconds: float
    tasks: int
    totals: Totals
    active: tuple[ActiveAgent, ...]
    tasks_per_hour: float | None = Field(description="Tasks that were finished and checked, by elapsed time.")
    error_rate: float | None = Field(description="Failed tries by all tries that have ended, 0 to 1.")
    eta_seconds: float | None = Field(description="Until the last task ends; nothing while there is nothing to go by.")
    eta: Eta | None = Field(default=None, description="The same with its spread, while a forecast is kept.")

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
    bound and of the remaining tasks at the pace so far.
    """
    elapsed = max(0.0, (now - outcome.started_at).total_seconds())
    totals = Totals(**{state.value: sum(task.state is state for task in outcome.tasks) for state in TaskState})
    finished = sum(task.state in _FINISHED for task in outcome.tasks)
    ahead = sum(task.state in _AHEAD for task in outcome.tasks)
    eta = eta.after(now) if eta and ahead else None
    return Progress(
        session=Session(run_id=outcome.run_id, feature=outcome.feature, started_at=outcome.started_at),
        at=now,
        elapsed_seconds=elapsed,
        tasks=len(outcome.tasks),
        totals=totals,
        active=tuple(active),
        tasks_per_hour=3600 * finished / elapsed if elapsed > 0 else None,
        error_rate=_error_rate(outcome),
        eta_seconds=eta.p50_seconds if eta else _pace(outcome, elapsed, finished=finished, ahead=ahead),
        eta=eta,
    )


def _error_rate(outcome: FeatureOutcome) -> float | None:
    ended = sum(task.tries - (task.state is TaskState.RUNNING) for task in outcome.tasks if task.tries)
    return sum(failed_tries(task) for task in outcome.tasks) / ended if ended else None


def _pace(outcome: FeatureOutcome, elapsed: float, *, finished: int, ahead: int) -> float | None:
    if not ahead:
        return 0.0
    guesses = [outcome.bound_seconds - elapsed] if outcome.bound_seconds > 0 else []
    if finished:
        guesses.append(ahead * elapsed / finished)
    return max(0.0, *guesses) if guesses else None
