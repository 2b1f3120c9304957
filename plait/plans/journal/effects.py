"""What a run wants to be done: each order to the outside world, as data; the loop carries them out one by one."""

from dataclasses import dataclass

from plait.plans.tasks.planned_contracts import Agreement, Record
from plait.plans.tasks.reviews import ReviewRecord, ReviewRemarks
from plait.plans.tasks.work import BaseOrder, BatchOrder, Informant, RepairOrder


@dataclass(frozen=True, slots=True)
class PrepareStart:
    """Merge what a task needs into one commit; answered by `StartPrepared` or `StartConflicted`."""

    task: str
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartWork:
    """Let an agent, or a command, work on a task; answered by `WorkEnded`."""

    task: str
    agent: str
    """`<role>-<n>`."""
    number: int
    """1 for the first start of this task in this run."""
    start: str
    """The commit that it starts from."""
    expected: str | None
    """Where its branch is now."""
    repair: RepairOrder | None = None
    agreements: tuple[Agreement, ...] = ()
    informants: tuple[Informant, ...] = ()
    rejections: tuple[str, ...] = ()
    """Why a person rejected what it made before."""
    after: tuple[str, ...] = ()
    """The tasks that it comes after, for the page's edges."""
    tried: int = 0
    """How many of its tries are behind it: it was put off, and goes on with the retries that are left."""
    remarks: ReviewRemarks | None = None
    """What a reviewer had to say of its commit: this start answers that."""


@dataclass(frozen=True, slots=True)
class VerifyBase:
    """Verify what the run starts from, beside the agents; answered by `BaseVerified`, perhaps never."""

    order: BaseOrder


@dataclass(frozen=True, slots=True)
class StartBatch:
    """Merge, verify and land finished branches; answered by `BatchEnded`."""

    order: BatchOrder


@dataclass(frozen=True, slots=True)
class EndBatches:
    """Stop the batches in work, and let nothing land any more; the `BatchEnded` of each answers."""


@dataclass(frozen=True, slots=True)
class PutBranchAside:
    """Move old work out of the way, below `refs/plait/old/`; answered by `BranchPutAside`."""

    task: str
    branch: str
    number: int
    """1 for the first of this run."""


@dataclass(frozen=True, slots=True)
class TakeRepair:
    """See whether what a person put on a task's branch can be its work; answered by `RepairTaken`."""

    task: str
    number: int
    """1 for the first of this run."""
    commit: str
    rejected: str
    """The task's own commit, which it descends from."""


@dataclass(frozen=True, slots=True)
class StartReview:
    """Let an agent read a task's work; answered by `ReviewEnded`."""

    task: str
    agent: str
    """`<role>-<n>`."""
    number: int
    """1 for the first of this run."""
    commit: str
    approved: str | None
    """The task's newest commit that was approved: only what came after it is read."""
    round: int
    """1 for the first time that the task's work is read."""
    before: str = ""
    """What the reviewer before has found."""


@dataclass(frozen=True, slots=True)
class WriteReview:
    """Put what was said of a task's work into git, in the place of what is there; a person is asked if it waits."""

    record: ReviewRecord


@dataclass(frozen=True, slots=True)
class CloseReview:
    """Nobody is asked about a task's work any more."""

    task: str
    says: str
    """What came of it, in words."""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Put a version of a contract into git, unless a person was quicker: `RecordWritten` or `RecordsRead` answers."""

    record: Record


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Show a person what only they can answer."""

    draft: Record


@dataclass(frozen=True, slots=True)
class CloseQuestion:
    """Nobody is asked about it any more; the record says what came of it, where there is one."""

    contract: str
    record: Record | None


@dataclass(frozen=True, slots=True)
class MarkTask:
    """Show on the page what was never started in this run."""

    task: str
    name: str
    """`Blocked` or `Reused`."""
    message: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to whoever watches."""

    says: str
    about: str | None = None
    """The task or batch that it is said of."""
    reason: str | None = None


Effect = (
    PrepareStart
    | StartWork
    | StartBatch
    | VerifyBase
    | EndBatches
    | PutBranchAside
    | TakeRepair
    | StartReview
    | WriteReview
    | CloseReview
    | WriteRecord
    | AskPerson
    | CloseQuestion
    | MarkTask
    | Tell
)
