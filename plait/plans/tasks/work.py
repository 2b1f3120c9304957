"""What goes to whoever works and what comes back: the data that crosses a Prefect task's border, and its JSON form.

All of it is frozen and equal to what `from_json` makes of its `to_json`, so that a thread, another process and another
machine can take the same order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import PlainSerializer, PlainValidator, TypeAdapter

from plait.plans.accounts.refusals import Refusal
from plait.plans.agents.outcomes import Outcome
from plait.plans.language.budget import Budget
from plait.plans.language.crew import Crew
from plait.plans.language.model import Integration
from plait.plans.paths import Asked
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.outcomes import BatchOutcome
from plait.plans.tasks.planned_contracts import Agreement, PlannedContract
from plait.plans.tasks.reviews import ReviewRemarks, Verdict
from plait.plans.usage import Usage

_LONGEST_NAME = 200
_T = TypeVar("_T")


def _escaped(text: str) -> str:
    return re.sub(r"[%\ud800-\udfff]", lambda found: f"%{ord(found[0]):04x}", text)


def _unescaped(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic takes no TypeError
    return re.sub("%([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


OddText = Annotated[str, PlainValidator(_unescaped), PlainSerializer(_escaped, return_type=str, when_used="json")]
"""Text that may name files: a name that is no UTF-8 has half characters in it, which JSON cannot hold as they are."""


_FORMS: dict[type[Any], TypeAdapter[Any]] = {}


def _form(kind: type[Any]) -> TypeAdapter[Any]:
    """Made once, and only by those who send something: the large ones take tens of milliseconds."""
    if kind not in _FORMS:
        _FORMS[kind] = TypeAdapter(kind)
    return _FORMS[kind]


def to_json(order: Any) -> str:
    """An order, facts or report as JSON in UTF-8; of plans and crews what they say, and not what they leave out."""
    return _form(type(order)).dump_json(order, exclude_unset=True).decode()


def from_json(kind: type[_T], text: str | bytes) -> _T:
    """The same again.

    Raises:
        ValidationError: it is none of this kind.
    """
    made: _T = _form(kind).validate_json(text)
    return made


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What all orders of one run have in common: a workshop is opened from it, where the work is done.

    It is without the plan's tasks, of which there may be thousands: each order brings its own.
    """

    run: str
    feature: str
    goal: str
    repository: OddText
    """The path of the target's git directory, the one that its worktrees share."""
    home: OddText
    """The path of PLAIT_HOME."""
    directory: OddText
    """The path of the run's own folder: logs, checkouts, results."""
    scripts: OddText
    """The path of the folder that relative names in the crew start from."""
    base: str
    """The commit that the feature starts from."""
    crew: Crew
    integration: Integration
    agents: frozenset[str]
    """Roles that there is an agent for."""
    contracts: tuple[PlannedContract, ...] = ()
    phases: tuple[tuple[str, ...], ...] = ()
    """The tasks of each phase of the plan: they land together or not at all."""
    onto: str = ""
    """The full name of the branch that the feature began on, such as `refs/heads/main`; empty where it is none."""
    clone: OddText = ""
    """The path of the user's checkout of the target, or of the target itself where it is bare."""
    budget: Budget | None = None
    """The most that the run may cost."""
    edition: str = ""
    """What `plait run PLAN --edition` takes for the edition that the feature is; empty where it is none."""


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """A branch that a batch rejected, handed back to the role that made it."""

    number: int
    """1 for the first repair of this task."""
    kind: str
    """Why it was rejected: `conflict`, `fails-alone`, `pair`, `interaction`."""
    rejected: str
    """The commit that was rejected: the repair descends from it."""
    onto: str
    """The tip of the feature branch that the repair has to fit."""
    partner: str | None
    """The task that it conflicts with, or fails only together with."""
    partner_commit: str | None
    files: tuple[OddText, ...]
    reason: OddText
    """The conflict's hunks or the tail of the failing output."""
    commands: tuple[str, ...]
    """How to repeat the failure."""
    partner_asked: str = ""
    """The partner's title and what it was asked to do; nothing where the plan no longer has it."""


@dataclass(frozen=True, slots=True)
class Informant:
    """A task whose text another one gets."""

    task: str
    commit: str | None
    """Where its work is; nothing when it changed no file, or has none to show."""
    outputs: tuple[str, ...]
    missing: OddText = ""
    """Why there is nothing to tell, in a sentence."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One task for one agent: everything `implement` needs to know that is data."""

    task: PlannedTask
    agent: str
    """The instance: `<role>-<n>`."""
    start: str
    """The commit that the work starts from."""
    branch: str
    expected: str | None
    """Where the branch must be now (nothing: it must not exist), for the compare-and-swap when it is published."""
    repair: RepairOrder | None = None
    agreements: tuple[Agreement, ...] = ()
    """The versions of the contracts that it rests on."""
    informants: tuple[Informant, ...] = ()
    """The tasks whose text it is told."""
    rejections: tuple[OddText, ...] = ()
    """Why a person rejected what it made before."""
    remarks: ReviewRemarks | None = None
    """What was found in its work, to be answered."""

    @property
    def role(self) -> str:
        """The role of the agent: the task's own, or one that it falls back on."""
        return self.agent.rpartition("-")[0]

    @property
    def name(self) -> str:
        """How the Prefect page shows it."""
        if self.remarks:
            return f"{self.task.id} (review {self.remarks.number})"
        return f"{self.task.id} (repair {self.repair.number})" if self.repair else self.task.id

    @property
    def dispatch(self) -> str:
        """What its tries share."""
        if self.remarks:
            return f"review {self.remarks.number}"
        return f"repair {self.repair.number}" if self.repair else "work"


@dataclass(frozen=True, slots=True)
class ReviewOrder:
    """A task's work, to be read by an agent that may change nothing."""

    task: PlannedTask
    agent: str
    """The instance: `<role>-<n>`."""
    number: int
    """1 for the first of this run."""
    commit: str
    approved: str | None
    """The task's newest commit that was approved: only what came after it is read."""
    round: int
    """1 for the first time that the task's work is read."""
    before: OddText = ""
    """What was found the last time."""

    @property
    def role(self) -> str:
        """The role that reads."""
        return self.agent.rpartition("-")[0]

    @property
    def name(self) -> str:
        """How the Prefect page shows it."""
        return f"{self.task.id} (reviewed by {self.role}, {self.round})"


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What came of a review."""

    verdict: Verdict
    changed: tuple[OddText, ...] = ()
    """What the reviewer changed in its checkout, which was thrown away."""


@dataclass(frozen=True, slots=True)
class PersonsRepair:
    """What a person put on a rejected task's branch, to be looked at."""

    task: PlannedTask
    branch: str
    commit: str
    rejected: str
    """The task's own commit, which it descends from."""
    tip: str | None
    """Where the feature branch is: what came from there is not the person's change."""
    by: OddText
    is_foreign: bool = False
    """Whether it is a newer tip of the branch that the task takes, and not on the task's own."""

    @property
    def name(self) -> str:
        """How the Prefect page shows it."""
        return f"{self.task.id} (repaired by a person)"


@dataclass(frozen=True, slots=True)
class BaseOrder:
    """What a run starts from, to be verified beside the agents."""

    commit: str
    landed: tuple[str, ...] = ()
    """Tasks whose work is in it."""


@dataclass(frozen=True, slots=True)
class BaseReport:
    """What came of that."""

    state: Literal["green", "red", "unknown"]
    reason: OddText = ""
    """What failed, or why nothing can be said, in a sentence. Of a green one: what was red the first time."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one agent, as it went."""

    number: int
    """From 1, over all dispatches of the task."""
    dispatch: str
    """What the tries of one dispatch share: `work`, or `repair 1`."""
    agent: str
    started_at: datetime
    ended_at: datetime
    failed: str | None
    """Why it does not count, in a sentence; nothing when it does."""
    salvage: str | None = None
    """The branch that keeps what it left behind."""
    private_git: str | None = None
    """Where its own git is kept, with commits that its files do not have."""
    usage: Usage | None = None
    """What the agent used up; nothing where it did not tell."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage: `setup`, `work`, `check`."""
    refused: Refusal | None = None
    """What the agent's account said, where it refused: such a try costs none."""
    outcome: Outcome | None = None
    """What it came to; nothing of tries of older versions."""
    start: str = ""
    """The commit that it started from."""
    session: str | None = None
    """What its program calls the session, where it has any."""
    checkpoint: str | None = None
    """Of a failed one: the commit with the files that it left, or with those of its last checkpoint."""
    left_work: bool = False
    """Of a failed one: whether it left anything at all."""
    resumed: bool = False
    """Whether it went on with the session of an earlier one."""


@dataclass(frozen=True, slots=True)
class WorkReport:
    """Work that was harvested and checked."""

    task: str
    agent: str
    commit: str | None
    """Nothing when the task changed nothing and need not."""
    changed: tuple[OddText, ...]
    summary: OddText
    seconds: float
    usage: Usage | None = None
    """What all tries of the dispatch used up, the failed ones included."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished branch that a batch may take."""

    task: str
    tip: str
    needs: tuple[str, ...]
    """Tasks of the plan whose branches this one rests on."""
    title: str = ""
    ref: str = ""
    """The full name of the branch, for the merge commit's message."""
    carries: tuple[str, ...] = ()
    """Tasks of the plan that are not part of the run, and whose work lands with this one's."""
    owns: tuple[str, ...] | None = None
    """What it may have changed, as the plan says; nothing: all that is not protected."""
    locked: tuple[str, ...] = ()
    """What it may have changed because it held a lock."""
    asked: Asked = "owns"
    """What its change is held against; of what persons put above plait's own commits only what is protected."""
    is_foreign: bool = False
    """Whether it is the branch of somebody else: then nothing of it counts as a person's repair."""
    is_base: bool = False
    """Whether it is base, which is taken in: what does not fit it waits for that, and not the other way round."""
    grounds: tuple[str, ...] = ()
    """Commits of others that it contains: what they changed is not its change."""
    priority: int = 3
    """1 (critical) to 5 (idle)."""
    behind: float = 0.0
    """Seconds of the longest path of work that waits for it."""
    done: float = 0.0
    """Seconds that were worked on it."""


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """Branches to integrate, in merge order."""

    id: str
    """Within the run, such as `batch-1`."""
    run: str
    branches: tuple[Candidate, ...]
    date: str
    """Of its merge commits, as git writes it."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Tasks that land together or not at all."""
    landed: tuple[str, ...] = ()
    """Tasks whose work is on the feature branch already."""
    follows: str | None = None
    """The batch before it, where that is still in work: this one lands after it, and looks ahead from its tip."""
    ahead: tuple[str, ...] = ()
    """Tasks of all batches before it that are in work: what rests on one that does not land is left for another."""
    merge_only: bool = False
    """Parts of phases that are not whole yet: nothing is verified and nothing lands, but what conflicts is found."""

    @property
    def name(self) -> str:
        """How the Prefect page shows it."""
        return f"{self.id}: {', '.join(branch.task for branch in self.branches)}"[:_LONGEST_NAME]

    @property
    def mark(self) -> str:
        """A name that no other run's batch has, for commits and refs."""
        return f"{self.run}-{self.id}"


@dataclass(frozen=True, slots=True)
class Rework:
    """What a rejected branch's repair order is made from."""

    task: str
    kind: str
    partner: str | None
    partner_commit: str | None
    files: tuple[OddText, ...]
    reason: OddText
    commands: tuple[str, ...]

    def repair(self, number: int, *, rejected: str, onto: str) -> RepairOrder:
        """The order to mend the rejected commit so that it fits this tip."""
        return RepairOrder(
            number=number,
            kind=self.kind,
            rejected=rejected,
            onto=onto,
            partner=self.partner,
            partner_commit=self.partner_commit,
            files=self.files,
            reason=self.reason,
            commands=self.commands,
        )


@dataclass(frozen=True, slots=True)
class Unlanded:
    """What fits, and waits for what its phase lacks."""

    onto: str
    """The commit that has it merged in: what a repair of the lacking part has to fit."""
    tasks: tuple[str, ...]
    mates: frozenset[str]
    """Tasks that land only together with some of these, or rest on them: their repair starts from `onto`; others do not
    have to wait for a phase that is not theirs."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What came of a batch, and what the loop needs to go on."""

    outcome: BatchOutcome
    rework: tuple[Rework, ...] = ()
    tip: str | None = None
    """Where the feature branch is now; nothing when it does not exist yet."""
    land_by_hand: OddText | None = None
    """The command that lands a batch which is ready-to-land."""
    unlanded: Unlanded | None = None
    """What waits for the rest of its phase: a repair starts on top of it, and not from the tip."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage: `merge`, `verification`, `landing`."""
    overtaken: bool = False
    """Whether it gave up because somebody else moved the feature branch again and again: it is tried again later."""
