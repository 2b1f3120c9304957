"""What a run can hear: each thing that happens, as data; the journal is a list of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from plait.plans.accounts.refusals import Kind
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.work import BaseReport, BatchReport
from plait.plans.usage import Usage


@dataclass(frozen=True, slots=True)
class Begin:
    """The run begins with what its manifest says."""

    kind: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, or something may start: nothing else starts tasks and batches."""

    room: Mapping[str, int] | None = None
    """How many more slots of each role this run may take beside what others hold; nothing: all that the crew has."""
    kind: Literal["tick"] = "tick"


@dataclass(frozen=True, slots=True)
class Beat:
    """Time has passed, and nothing else: so that a kill loses little of it."""

    kind: Literal["beat"] = "beat"


@dataclass(frozen=True, slots=True)
class StartPrepared:
    """What a task needs was merged into the commit that it starts from."""

    task: str
    commit: str
    kind: Literal["start-prepared"] = "start-prepared"


@dataclass(frozen=True, slots=True)
class StartConflicted:
    """What a task needs conflicts with each other."""

    task: str
    paths: tuple[str, ...]
    inside_tip: bool
    """Whether the feature branch has all of it, merged by somebody already."""
    kind: Literal["start-conflicted"] = "start-conflicted"


@dataclass(frozen=True, slots=True)
class WorkDone:
    """The work was harvested and checked."""

    commit: str | None
    """Nothing when it changed nothing and need not."""
    changed: int = 0
    """Files."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """By contract that the task writes, a hash of what it wrote."""
    kind: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class WorkFailed:
    """No try counts."""

    reason: str
    environment: bool = False
    """Whether this machine kept it from counting."""
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class WorkStopped:
    """The run was cancelled while it was done."""

    kind: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class WorkPutOff:
    """The run was paused before another try could begin."""

    reason: str = ""
    """Why the try before does not count."""
    kind: Literal["put-off"] = "put-off"


@dataclass(frozen=True, slots=True)
class WorkRefused:
    """The agent's account has refused it: no try is counted, and it goes again when the account works again."""

    account: Kind
    words: str
    """What the program said."""
    until: float | None = None
    """When the account works again by these words, in seconds since the epoch."""
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class ProgramBroke:
    """In a try, an agent's program ended within seconds with an error, and had changed nothing."""

    task: str
    role: str
    """The agent's, which may be another than the task's."""
    words: str
    """Its last line."""
    kind: Literal["program-broke"] = "program-broke"


@dataclass(frozen=True, slots=True)
class NoteTold:
    """As a try began, its agent was told what a person had left for it (`plait tell`)."""

    task: str
    """That the note is to: the task, or a member of its bundle."""
    by: str
    text: str
    kind: Literal["note-told"] = "note-told"


@dataclass(frozen=True, slots=True)
class WorkUnprepared:
    """The set-up failed, for all who need it: no agent began, and no try counts."""

    reason: str
    """What failed, in the first line, what it printed, and what to do: the same for all that need this set-up."""
    kind: Literal["unprepared"] = "unprepared"


WorkResult = WorkDone | WorkFailed | WorkStopped | WorkPutOff | WorkRefused | WorkUnprepared
"""How a dispatched task can end."""


@dataclass(frozen=True, slots=True)
class WorkEnded:
    """A dispatched task is over, one way or another."""

    task: str
    result: Annotated[WorkResult, Field(discriminator="kind")]
    tries: int = 0
    """Of this task by now, over all of its dispatches in this run."""
    salvage: tuple[str, ...] = ()
    """Branches that keep what its failed tries left."""
    usage: Usage | None = None
    """What its tries have used up by now, over all of its dispatches in this run."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds of all of these tries by stage: `setup`, `work`, `check`."""
    number: int = 0
    """Which start of the task has ended, as `StartWork` said; 0, as in the first journals: the one that goes on."""
    kind: Literal["work-ended"] = "work-ended"


@dataclass(frozen=True, slots=True)
class BaseVerified:
    """What the run started from was verified."""

    report: BaseReport
    kind: Literal["base-verified"] = "base-verified"


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch was merged and verified, and landed as far as its outcome says."""

    report: BatchReport
    kind: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class BatchStopped:
    """The run was cancelled before it could land."""

    kind: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class BatchBroken:
    """Something of ours or of the environment broke it."""

    reason: str
    kind: Literal["broken"] = "broken"


@dataclass(frozen=True, slots=True)
class BatchSettled:
    """What lands of a batch has landed; why the rest does not is still being looked into."""

    batch: str
    landed: tuple[str, ...]
    tip: str
    """Where the feature branch is then; `` where nothing has landed on it yet."""
    kind: Literal["batch-settled"] = "batch-settled"


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """An integration is over."""

    batch: str
    result: Annotated[BatchDone | BatchStopped | BatchBroken, Field(discriminator="kind")]
    kind: Literal["batch-ended"] = "batch-ended"


@dataclass(frozen=True, slots=True)
class BranchPutAside:
    """Old work was moved out of the way, or could not be."""

    task: str
    number: int = 0
    """As `PutBranchAside` said; 0, as in the first journals: the one that goes on."""
    refused: str | None = None
    """Why it stays where it is: somebody stands on its branch."""
    kept: str | None = None
    """The ref that has it now."""
    kind: Literal["branch-put-aside"] = "branch-put-aside"


@dataclass(frozen=True, slots=True)
class RepairFound:
    """A person has put a commit on the branch of a task that was rejected: it descends from what was."""

    task: str
    commit: str
    kind: Literal["repair-found"] = "repair-found"


@dataclass(frozen=True, slots=True)
class RepairTaken:
    """What a person put on the branch was looked at, and is the task's work now, or does not count."""

    task: str
    number: int
    """As `TakeRepair` said."""
    result: Annotated[WorkDone | WorkFailed | WorkStopped, Field(discriminator="kind")]
    by: str = ""
    """Who wrote the commit."""
    kind: Literal["repair-taken"] = "repair-taken"


@dataclass(frozen=True, slots=True)
class ReviewSaid:
    """A reviewer has read the work, and says what it thinks of it."""

    approves: bool
    score: float
    """0 to 10."""
    findings: str = ""
    kind: Literal["said"] = "said"


@dataclass(frozen=True, slots=True)
class ReviewMissing:
    """There is no verdict: the reviewer broke off, could not be started, or said nothing that can be read."""

    reason: str
    kind: Literal["missing"] = "missing"


ReviewResult = ReviewSaid | ReviewMissing | WorkRefused | WorkStopped


@dataclass(frozen=True, slots=True)
class ReviewEnded:
    """A reviewer is through with a task's work, one way or another."""

    task: str
    number: int
    """As `StartReview` said."""
    result: Annotated[ReviewResult, Field(discriminator="kind")]
    usage: Usage | None = None
    """What all reviews of this task have used up by now in this run."""
    kind: Literal["review-ended"] = "review-ended"


@dataclass(frozen=True, slots=True)
class ReviewAnswered:
    """A person has said what becomes of work that waits for that."""

    task: str
    commit: str
    approves: bool
    by: str
    reason: str = ""
    kind: Literal["review-answered"] = "review-answered"


@dataclass(frozen=True, slots=True)
class RecordWritten:
    """A version of a contract is in git as it was decided."""

    record: Record
    kind: Literal["record-written"] = "record-written"


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """What git says of the contracts now: a person has answered, or was quicker than us."""

    records: Mapping[str, tuple[Record, ...]]
    refused: str = ""
    """The contract that could not be written down, as somebody else has changed it."""
    kind: Literal["records-read"] = "records-read"


@dataclass(frozen=True, slots=True)
class Pause:
    """What runs finishes; nothing new starts."""

    by: str = ""
    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True)
class Resume:
    """The run goes on."""

    by: str = ""
    kind: Literal["resume"] = "resume"


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing starts any more; what runs is being ended."""

    reason: str
    broken: bool = False
    """Whether something of ours or of the environment ended the run, and no signal."""
    kind: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True)
class Close:
    """The run is over: what has not ended by now is given up."""

    kind: Literal["close"] = "close"


@dataclass(frozen=True, slots=True)
class TipMoved:
    """Something else than a batch has moved the feature branch: the history of its specs was written, or a person."""

    tip: str | None
    """Nothing where it is gone."""
    lost: tuple[str, ...] = ()
    """Tasks that had landed, and whose work is not on it any more."""
    landed: tuple[str, ...] = ()
    """Tasks of batches that were ready-to-land, and whose work is on it now."""
    by_somebody: bool = False
    """Whether a person or another program moved it, and not plait."""
    kind: Literal["tip-moved"] = "tip-moved"


@dataclass(frozen=True, slots=True)
class BaseSeen:
    """Base, or the feature branch beside it, is elsewhere: what of it the feature was not tested with is known anew."""

    standing: BaseStanding
    kind: Literal["base-seen"] = "base-seen"


@dataclass(frozen=True, slots=True)
class BroughtToBase:
    """After the run: what became of the feature on base, and of its branches at the remote, where the plan asks."""

    outcome: BaseOutcome
    kind: Literal["brought-to-base"] = "brought-to-base"


@dataclass(frozen=True, slots=True)
class EditionCompared:
    """After the run: what this edition landed beside the one before."""

    change: EditionChange
    kind: Literal["edition-compared"] = "edition-compared"


Event = (
    Begin
    | Tick
    | Beat
    | StartPrepared
    | StartConflicted
    | WorkEnded
    | ProgramBroke
    | NoteTold
    | BaseVerified
    | BatchSettled
    | BatchEnded
    | BranchPutAside
    | RepairFound
    | RepairTaken
    | ReviewEnded
    | ReviewAnswered
    | RecordWritten
    | RecordsRead
    | Pause
    | Resume
    | Stop
    | Close
    | TipMoved
    | BaseSeen
    | BroughtToBase
    | EditionCompared
)
