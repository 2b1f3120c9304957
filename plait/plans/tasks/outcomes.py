"""What came of a task, a batch and a feature: the data that flows return and reports are made from."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class TaskState(StrEnum):
    """Where a task stands (SEMANTICS, States)."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    LANDED = "landed"
    FAILED = "failed"
    BLOCKED = "blocked"
    HELD = "held"
    CANCELLED = "cancelled"


class BatchState(StrEnum):
    """Where a batch stands."""

    BUILDING = "building"
    VERIFYING = "verifying"
    SEARCHING = "searching"
    LANDED = "landed"
    PART_LANDED = "part landed"
    REJECTED = "rejected"
    READY_TO_LAND = "ready-to-land"
    INFRASTRUCTURE = "infrastructure"


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


RejectionKind = Literal[
    "conflict", "fails-alone", "pair", "interaction", "held-by", "out-of-scope", "flaky", "base-red", "infrastructure"
]


class _Outcome(BaseModel):
    """Made once, then fixed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Outcome):
    """One stretch of work on a task: a dispatch, its retries included, or a repair."""

    started_at: AwareDatetime
    ended_at: AwareDatetime
    repair: int = 0
    """0 for the work itself, from 1 for repairs."""
    ok: bool = True


class TaskOutcome(_Outcome):
    """One task of a run, as `--json`, the store and the report show it."""

    id: str
    role: str
    agent: str | None = None
    """The instance that had it last: `<role>-<n>`."""
    state: TaskState = TaskState.PENDING
    branch: str | None = None
    commit: str | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    tries: int = 0
    reason: str | None = None
    """Why it failed, is blocked or held."""
    spans: tuple[Span, ...] = ()
    """When it was worked on, for the Gantt and the figures; not part of `--json`."""


class Rejection(_Outcome):
    """A branch that a batch did not take, and the evidence."""

    task: str
    kind: RejectionKind
    partner: str | None = None
    """The task it conflicts with, or fails only together with."""
    files: tuple[str, ...] = ()
    reason: str = ""


class Held(_Outcome):
    """A branch that waits because one that it needs was rejected."""

    task: str
    by: str


class BatchOutcome(_Outcome):
    """One batch of an integration."""

    id: str
    state: BatchState = BatchState.BUILDING
    commit: str | None = None
    tree: str | None = None
    verifications: int = 0
    """Runs of `integration.verify` that were not answered from memory."""
    verified: bool = True
    """False when the plan gives nothing to verify with: it lands marked `unverified`."""
    landed: tuple[str, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    held: tuple[Held, ...] = ()
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    reason: str | None = None


class ContractOutcome(_Outcome):
    """One version of a contract, as it stands at the end of a run."""

    id: str
    version: int
    status: Literal["draft", "waiting", "approved", "rejected", "superseded"]
    """`draft`: not written yet; `waiting`: for a person."""
    owner: str | None = None
    """The task that writes it; nothing when it is on base."""
    commit: str | None = None
    by: str = ""
    """Who approved or rejected it: `tests`, `plan`, or a person."""
    redone: tuple[str, ...] = ()
    """Tasks that were done again because they rested on the version before."""


class FeatureOutcome(_Outcome):
    """A whole run: what `plait run --json` prints."""

    run_id: str
    feature: str
    state: RunState
    branch: str
    commit: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    elapsed_seconds: float = 0.0
    bound_seconds: float = 0.0
    """What no schedule can beat with these durations and slots: the larger of critical path and work by role."""
    tasks: tuple[TaskOutcome, ...] = ()
    batches: tuple[BatchOutcome, ...] = ()
    salvage: tuple[str, ...] = ()
    """Branches that keep what failed tries left behind."""
    unsupported: tuple[str, ...] = ()
    """Keys of the plan that this version parses but does not carry out."""
    contracts: tuple[ContractOutcome, ...] = ()
    """Each version of each contract; not kept by the store."""
    reason: str | None = None

    @property
    def landed(self) -> tuple[TaskOutcome, ...]:
        return tuple(task for task in self.tasks if task.state is TaskState.LANDED)
