"""What the store takes and gives back besides whole outcomes; light, so that commands can import it at once."""

from dataclasses import dataclass
from datetime import datetime

from plait.plans.tasks.outcomes import RunState


@dataclass(frozen=True, slots=True)
class TaskWork:
    """How long one task was meant to take, and took."""

    planned_seconds: float | None = None
    """The plan's likely duration; nothing when the plan gives none."""
    actual_seconds: float | None = None
    """Nothing: from the outcome's start to its end."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs."""

    run_id: str
    repository: str
    feature: str
    state: RunState
    branch: str
    commit: str | None
    started_at: datetime
    ended_at: datetime | None
    elapsed_seconds: float
    landed: int
    """Tasks that landed."""
    tasks: int


@dataclass(frozen=True, slots=True)
class RoleDuration:
    """One finished task as a forecast learns from it."""

    role: str
    task: str
    planned_seconds: float | None
    actual_seconds: float


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """How often work of a role was good, over all runs of a repository."""

    role: str
    succeeded: int
    """Tasks that were finished and checked."""
    tried: int
    """Those, and the ones that failed."""


@dataclass(frozen=True, slots=True)
class BatchDuration:
    """One batch that was verified, as a forecast learns from it."""

    seconds: float
    """From its start to its end."""
    verifications: int
