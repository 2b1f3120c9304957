"""Where each task of a run stands: a status, its commit, what it rests on, what it waits for beside its needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from plait.plans.accounts.refusals import Kind
from plait.plans.tasks.outcomes import Span
from plait.plans.tasks.reviews import ReviewRemarks
from plait.plans.tasks.work import RepairOrder
from plait.plans.usage import Usage

# Statuses: what has happened to a task. Ready, blocked, held, may land are computed (`States`, `LandingRules`).


@dataclass(frozen=True, slots=True)
class Waiting:
    """It has not started, or has to go again."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """It has a slot; what it needs is being merged."""

    agent: str
    rests_on: tuple[str, ...]
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Working:
    """Somebody works on it."""

    agent: str
    since: float
    """Seconds since the epoch."""
    start: str
    """The commit that it started from."""
    number: int
    """Which start of the task it is."""
    stale: bool = False
    """Whether a contract that it rests on has changed meanwhile: it will have to go again."""


@dataclass(frozen=True, slots=True)
class Built:
    """Its work is on its branch, and has not landed."""

    at: float
    """When, in seconds of the time in which the run was not paused."""


@dataclass(frozen=True, slots=True)
class LandsByHand:
    """It is in a batch that is ready, and that a person has to land: the feature branch is checked out."""


@dataclass(frozen=True, slots=True)
class Landed:
    """It is on the feature branch, or had nothing to change."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was tried, and no try counted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Its branch fits nowhere, and no repair is left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """It never started, and cannot any more, for another reason than a need that failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run ended before it did."""

    reason: str


Status = Waiting | Preparing | Working | Built | LandsByHand | Landed | Failed | Rejected | Impossible | Cancelled

# Waits: why a task does not start although its needs are met. Each has one cause, and goes with it. `keeps_going`: that
# ends by itself, so the run must not end before; `in_vain`: what is said of a task when the run ends all the same.


@dataclass(frozen=True, slots=True)
class TextWait:
    """A task whose text it wants to read may still give it."""

    source: str
    kind = "text"
    keeps_going = False  # its readers go on without it when nothing else does
    in_vain = "what it wants to read was not written"


@dataclass(frozen=True, slots=True)
class ApprovalWait:
    """A person has to approve a contract first, or it is just being written down."""

    contract: str
    kind = "approval"
    keeps_going = False  # `Standings.is_waiting_for_person` knows
    in_vain = "its contract was not approved"


@dataclass(frozen=True, slots=True)
class ConflictWait:
    """What it needs conflicts with each other: a batch may settle that."""

    paths: tuple[str, ...]
    between: tuple[str, ...]
    """The tasks whose commits it would start from."""
    kind = "conflict"
    keeps_going = False  # `Standings.may_integrate` knows
    in_vain = "what it needs conflicts with each other, and has not landed"


@dataclass(frozen=True, slots=True)
class AsideWait:
    """Its old work is being moved out of the way."""

    commit: str
    restore: bool
    """Whether the old work stands again when it cannot be moved; else the task goes again all the same."""
    built: bool
    """Whether it was finished, and not handed back."""
    repair: RepairOrder | None
    number: int
    kind = "aside"
    keeps_going = True
    in_vain = "its old work was not moved away"


@dataclass(frozen=True, slots=True)
class MendingWait:
    """A person has repaired it, and that is being looked at: no agent starts."""

    commit: str
    kind = "repair"
    keeps_going = False  # `Standings.goes_on` knows
    in_vain = "what a person put on its branch was not looked at"


@dataclass(frozen=True, slots=True)
class AccountWait:
    """The account of all agents that could do it has refused: it works again later."""

    account: str
    why: Kind
    kind = "account"
    keeps_going = False  # `Standings.goes_on` knows: not for ever
    in_vain = "its agent's account gave nothing more while the run waited"


@dataclass(frozen=True, slots=True)
class StoppedRoleWait:
    """All agents that could do it are stopped for this run."""

    role: str
    words: str
    """With which their program ends."""
    kind = "stopped"
    keeps_going = False

    @property
    def in_vain(self) -> str:
        return f"{self.role} was stopped, as its program ended at once with the same words: {self.words}"


@dataclass(frozen=True, slots=True)
class ReviewWait:
    """Its work is done, and somebody has to read and approve it before it counts."""

    commit: str
    kind = "review"
    keeps_going = False  # dispatch knows of reviewers, `Standings.is_waiting_for_person` of persons
    in_vain = "its work was not reviewed"


Wait = TextWait | ApprovalWait | ConflictWait | AsideWait | MendingWait | AccountWait | StoppedRoleWait | ReviewWait


@dataclass(frozen=True, slots=True)
class UnderReview:
    """Work that somebody reads, is to read, or has read without approving it: then a person is asked."""

    commit: str
    contents: Mapping[str, str] = field(default_factory=dict)
    """By contract that the task writes, a hash of what it wrote."""
    told: tuple[str, ...] = ()
    """What persons had rejected of its contracts, as far as its author was told."""
    number: int = 0
    """Of the newest review that has started."""
    agent: str = ""
    """Who reads it now."""
    since: float = 0.0
    """Since when, in seconds since the epoch."""
    missed: int = 0
    """How often there was no verdict."""
    asks: str = ""
    """Why a person is asked; empty while nobody is."""

    @property
    def is_due(self) -> bool:
        """Whether a reviewer has to read it, and none does."""
        return not self.agent and not self.asks


@dataclass(frozen=True, slots=True)
class Standing:
    """One task of a run; replaced whole when something happens to it."""

    status: Status = field(default_factory=Waiting)
    commit: str | None = None
    """The newest of its branch."""
    rests_on: tuple[str, ...] = ()
    """The tasks whose commits its own contains: of alternatives the chosen one, of a need without a commit its own."""
    grounds: tuple[str, ...] = ()
    """Their commits when it started."""
    waits: Mapping[Wait, float] = field(default_factory=dict)
    """What it waits for beside its needs, each since when (seconds since the epoch)."""
    repair: RepairOrder | None = None
    """What its next dispatch has to repair."""
    repairs: int = 0
    """How many were ordered."""
    rejected_as: tuple[str, ...] = ()
    """How its branch was rejected last: kind, partner, files."""
    feedback: tuple[str, ...] = ()
    """Why a person rejected what it made, by contract."""
    built_on: Mapping[str, int] = field(default_factory=dict)
    """The versions of contracts that its work rests on."""
    stays: bool = False
    """Whether its old work could not be moved away: it starts anew all the same."""
    remarks: ReviewRemarks | None = None
    """What was found in its work, for its author to answer next."""
    answers: int = 0
    """How often it was sent back for such an answer in this run."""
    approved: str | None = None
    """Its newest commit that a reviewer, or a person, has approved."""
    reviews: int = 0
    """How often a reviewer has sent its work back."""
    read: int = 0
    """How often a reviewer has said something of its work in this run."""
    score: float | None = None
    """0 to 10, by the reviewer that spoke last."""
    findings: str = ""
    """What that has found."""
    reviewed_by: str = ""
    """The agent that spoke last."""
    person: str = ""
    """The person who has approved its work."""
    review_usage: Usage | None = None
    """What its reviews have used up."""
    outdated: bool = False
    """Whether its work rests on what was done anew meanwhile, and nobody did it again as it was rejected, or in the
    hands of a person: mended, it goes again."""
    reads_without: bool = False
    """Whether it goes on without the texts that it wanted to read."""
    starts: int = 0
    """How often it was handed to somebody in this run."""
    tries: int = 0
    tried: int = 0
    """How many of them count for its next dispatch, since a pause came between two tries."""
    agent: str | None = None
    """Who worked on it last."""
    spans: tuple[Span, ...] = ()
    waited: Mapping[str, float] = field(default_factory=dict)
    """Seconds that it has waited, by kind of wait; what it waits for now is not in it."""
    usage: Usage | None = None
    """What its tries have used up."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds of its work by stage."""

    @property
    def is_for_repair(self) -> bool:
        """Whether it was rejected, and nobody works on that: a person may."""
        handed_back = isinstance(self.status, Waiting) and self.repair is not None
        return self.commit is not None and (handed_back or isinstance(self.status, Rejected))

    def wait_of(self, kind: type[AsideWait]) -> AsideWait | None:
        """Its wait of this kind, when it has one."""
        return next((wait for wait in self.waits if isinstance(wait, kind)), None)


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a time."""
    return datetime.fromtimestamp(seconds, UTC)
