"""What came of a task, a batch and a feature: the data that flows return and reports are made from."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage


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
    CUT_SHORT = "cut short"


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


RejectionKind = Literal[
    "conflict",
    "fails-alone",
    "pair",
    "interaction",
    "held-by",
    "out-of-scope",
    "unrelated",
    "flaky",
    "base-red",
    "infrastructure",
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
    cut: bool = False
    """Whether its run was killed in the middle of it: how long such work takes cannot be learned from that."""
    agent: str | None = None
    """Who worked, as `<role>-<n>`: a repair may be another one's. Absent in records of older versions."""


class ReviewOutcome(_Outcome):
    """What reviews made of a task's work."""

    reviewer: str
    """The role that reads it."""
    state: Literal["to come", "reading", "sent back", "waiting", "approved"]
    """`waiting`: for a person."""
    read: int = 0
    """How often a reviewer has said something of it in this run."""
    sent_back: int = 0
    """How often a reviewer has sent it back, over all runs."""
    score: float | None = None
    """0 to 10, by the reviewer that spoke last."""
    by: str = ""
    """The agent that spoke last."""
    person: str = ""
    """The person who has approved it."""
    findings: str = ""
    """What the reviewer that spoke last has found, in this run."""
    usage: Usage | None = None
    """What its reviews have used up."""


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
    members: tuple[str, ...] = ()
    """The plan's tasks that it is, when it is a bundle of them for one agent."""
    bundle: str | None = None
    """The bundle that it was done in."""
    dispatched_at: AwareDatetime | None = None
    """When the stretch of work began that goes on; not part of `--json`."""
    usage: Usage | None = None
    """What its agents used up, over all tries and repairs; nothing where nobody told."""
    review: ReviewOutcome | None = None
    """Where it has a reviewer; not kept by the store."""

    def singly(self) -> "tuple[TaskOutcome, ...]":
        """By the plan's own ids: a bundle as each of its members, with what came of the whole.

        What it used up is told once, of the first of them, so that it can be added up.
        """
        if not self.members:
            return (self,)
        alone: dict[str, object] = {"members": (), "bundle": self.id}
        first, *others = self.members
        return (
            self.model_copy(update={**alone, "id": first}),
            *(self.model_copy(update={**alone, "id": member, "usage": None}) for member in others),
        )


class Rejection(_Outcome):
    """A branch that a batch did not take, and the evidence."""

    task: str
    kind: RejectionKind
    partner: str | None = None
    """The task it conflicts with, or fails only together with."""
    files: tuple[str, ...] = ()
    reason: str = ""
    presets: tuple[str, ...] = ()
    """Names of rules that would have settled all of a conflict, had they been in the plan; not kept by the store."""


class Held(_Outcome):
    """A branch that waits because one that it needs was rejected."""

    task: str
    by: str


class StageOutcome(_Outcome):
    """One entry of `integration.verify` on a batch's tree."""

    name: str = ""
    """Empty for a plain command."""
    verdict: Literal[
        "green", "red", "timeout", "infrastructure", "cancelled", "not-reached", "unaffected", "red-on-base"
    ]
    """`not-reached`: one before it was not green; `unaffected`: nothing was changed that it looks at; `red-on-base`:
    what is red is red on base as well, and does not count."""
    command: str = ""
    """The one that failed, else its first."""
    seconds: float = 0.0
    log: str | None = None
    """The name of its log in the folder `verifications` of the run."""
    failing: tuple[str, ...] = ()
    """The tests that failed, as far as they are named."""


class SettledFile(_Outcome):
    """A file in which a branch conflicted, and what settled it before anybody was asked."""

    task: str
    """Whose branch met the conflict: the later of the two."""
    path: str
    by: str
    """The rule or the structure, such as `changelogs: union` or `structure: python`."""


class WeakenedTest(_Outcome):
    """A place at which a branch that lands lets tests ask for less: for a person to look at."""

    task: str
    path: str
    line: int | None = None
    """In the file as it is now, of what is gone as it was; nothing for a whole file."""
    what: str
    """Such as `a skip was added`."""


class ChainBranch(_Outcome):
    """A branch as a batch met it."""

    task: str
    tip: str
    """The commit, pinned when the batch began."""
    commit: str | None = None
    """Where it is merged in; nothing when it is not part of the chain."""


class VerifiedTree(_Outcome):
    """One verification of a batch."""

    branches: tuple[str, ...]
    """What was merged, in merge order; nothing: what it should have landed on, alone."""
    tree: str
    verdict: Literal["green", "red", "timeout", "infrastructure", "cancelled", "unverified", "unaffected"]
    """`unverified`: there is nothing to verify with; `unaffected`: no stage looks at what was changed."""
    command: str | None = None
    """The one that failed."""
    seconds: float = 0.0
    log: str | None = None
    """Where all that was printed is; nothing when no command ran in this run."""
    remembered: bool = False
    """Whether the same tree had been verified before, with the same commands, and nothing was run."""
    contracts: tuple[str, ...] = ()
    """Those whose tests were part of it."""


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
    stages: tuple[StageOutcome, ...] = ()
    """Of the tree that landed, else of the whole batch's; nothing where an earlier run saw it. Not in the store."""
    landed: tuple[str, ...] = ()
    """What has landed; while it is ready-to-land, what would."""
    rejected: tuple[Rejection, ...] = ()
    held: tuple[Held, ...] = ()
    settled: tuple[SettledFile, ...] = ()
    """Of what lands; not kept by the store."""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    reason: str | None = None
    weakened: tuple[WeakenedTest, ...] = ()
    """By the branches that land; this and all below is not kept by the store."""
    chain: tuple[ChainBranch, ...] = ()
    """The branches in merge order."""
    onto: str | None = None
    """The commit that they were merged onto."""
    trees: tuple[VerifiedTree, ...] = ()
    """What was verified, in the order in which it ended."""
    setup: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    """The commands that a tree of the whole batch is verified with, and those that make its checkout ready before."""
    objects: str | None = None
    """The folder that git finds the objects of these trees in, the rejected ones too."""
    flaky: tuple[str, ...] = ()
    """Commands that were red and green on the same tree; not kept by the store."""
    acquitted: tuple[str, ...] = ()
    """Branches that such a red left out, for the next batch: they are not rejected; not kept by the store."""
    red_on_base: tuple[str, ...] = ()
    """What is red on the tree that landed and was red before (`integration.base: new-failures`); not in the store."""

    @property
    def ready(self) -> tuple[str, ...]:
        """The tasks that a person has to land: nothing of them is on the feature branch."""
        return self.landed if self.state is BatchState.READY_TO_LAND else ()


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


class Approval(_Outcome):
    """A stretch of time in which a person was asked to approve a contract, or a task's work."""

    contract: str
    """Of a task's work, the task."""
    version: int
    """Of a task's work, how often it had been sent back."""
    owner: str
    """The task that wrote it: nobody works on it meanwhile."""
    asked_at: AwareDatetime
    answered_at: AwareDatetime | None = None
    """Nothing while it is waited for, and where the run ended before the answer."""
    holds: tuple[str, ...] = ()
    """Tasks that cannot start before."""
    is_work: bool = False
    """Whether it is about a task's work that its reviewer has not approved."""


class Conditions(_Outcome):
    """What a run's tasks had to wait for one another by."""

    needs: dict[str, tuple[tuple[str, ...], ...]] = {}
    """By task, groups of which one had to be there each."""
    uses: dict[str, dict[str, int]] = {}
    """By task that takes any, units of resources."""
    slots: dict[str, int] = {}
    resources: dict[str, int] = {}
    phases: dict[str, tuple[str, ...]] = {}
    """By name, tasks that land together or not at all."""
    commands: tuple[str, ...] = ()
    """Tasks that no agent does."""
    bound_kind: str = ""
    """What the lower bound is of, as `Bound.kind` says it."""
    account_seconds: float = 0.0
    """In which nothing went on but waiting for accounts of agents."""
    account_roles: tuple[str, ...] = ()
    """Whose accounts they were."""


class ToldNote(_Outcome):
    """What a person left for a task (`plait tell`), and its agent was told."""

    task: str
    by: str
    text: str
    at: AwareDatetime
    """When a try began with it."""


class Rest(_Outcome):
    """Roles that start no agent for a time, as their account has refused, or for good, as their program breaks off."""

    roles: tuple[str, ...]
    kind: Literal["quota", "login", "overload", "stopped"]
    words: str
    """What the program said."""
    until: AwareDatetime | None = None
    """When it is tried again; nothing for a role that is stopped."""
    gives_up_at: AwareDatetime | None = None
    """When the run ends if nothing else goes on in it; nothing while anything does."""


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
    approvals: tuple[Approval, ...] = ()
    """When persons were waited for, by the time they were asked; not kept by the store."""
    conditions: Conditions | None = None
    """Once the run is over; not part of `--json`, not kept by the store."""
    reason: str | None = None
    paused_by: str | None = None
    """Who has paused it, while it is paused; not part of `--json`, not kept by the store."""
    base: BaseStanding | None = None
    """How far base has moved on from the feature; not kept by the store, and not told by older versions."""
    edition: EditionChange | None = None
    """What it landed beside the edition before; not kept by the store."""
    own_edition: str = ""
    """What `plait run PLAN --edition` takes to go on with it, where it is one; not kept by the store."""
    brought: BaseOutcome | None = None
    """What became of it on base and at the remote, where the plan asks for that; not kept by the store."""
    notes: tuple[ToldNote, ...] = ()
    """What persons had to say to agents, in the order in which those were told; not kept by the store."""

    rests: tuple[Rest, ...] = ()
    """Roles that start no agent now; not part of `--json`, not kept by the store."""

    @property
    def landed(self) -> tuple[TaskOutcome, ...]:
        return tuple(task for task in self.tasks if task.state is TaskState.LANDED)

    def singly(self) -> "FeatureOutcome":
        """The same with every task by the plan's own id, where readers count and look up tasks."""
        if not any(task.members for task in self.tasks):
            return self
        return self.model_copy(update={"tasks": tuple(single for task in self.tasks for single in task.singly())})

    @property
    def counted(self) -> tuple[TaskOutcome, ...]:
        """The plan's own tasks, one by one, which people count; base is none where a run takes it in as a task."""
        takes_in = self.base.refresh if self.base else ""
        return tuple(task for task in self.singly().tasks if task.id != takes_in)

    @property
    def count_landed(self) -> int:
        """How many of the plan's own tasks have landed."""
        return sum(task.state is TaskState.LANDED for task in self.counted)

    @property
    def asked(self) -> tuple[Approval, ...]:
        """What a person has been asked, and has not answered."""
        return tuple(approval for approval in self.approvals if approval.answered_at is None)
