"""What a run begins with, as data: its tasks, its limits, and what earlier runs of the feature have left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from plait.plans.accounts.pauses import QUOTA_WAIT, AccountPause
from plait.plans.language.crew import Crew
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.expansion import Needs, PlannedTask
from plait.plans.tasks.outcomes import Span
from plait.plans.tasks.planned_contracts import PlannedContract, Record
from plait.plans.tasks.reviewers import reviewer_of
from plait.plans.tasks.reviews import ReviewRecord, review_job
from plait.plans.usage import Usage

DEFAULT_PRIORITY = 3


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is decided on of a task: all but what its agent is told."""

    id: str
    role: str
    branch: str
    title: str
    needs: Needs
    seconds: float
    """How long it is thought to take."""
    planned_seconds: float | None = None
    """How long the plan says that it takes; nothing where it does not say."""
    dispatch_priority: int = DEFAULT_PRIORITY
    """1 (critical) to 5 (idle): its own, or its role's where it has none of its own."""
    merge_priority: int = DEFAULT_PRIORITY
    """1 to 5: its own."""
    uses: Mapping[str, int] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()
    """Roles that may do it in place of its own."""
    phase: str | None = None
    writes: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    information: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    is_command: bool = False
    """Whether no agent does it."""
    foreign: str | None = None
    """The branch of somebody else's that it takes."""
    members: tuple[str, ...] = ()
    """The plan's tasks that it is, when it is a bundle."""
    owns: tuple[str, ...] | None = None
    """What it may change; nothing: all that is not protected."""
    locked: tuple[str, ...] = ()
    """What it may change because it holds a lock."""
    reviewer: str | None = None
    """The role that reads its work before it counts as finished."""
    review_rounds: int = 0
    """How often its author may answer before a person decides."""

    @property
    def may_answer(self) -> bool:
        """Whether somebody can mend what a reviewer has found: no command, and nobody whose branch was taken."""
        return not self.is_command and self.foreign is None

    @property
    def waits_for(self) -> Needs:
        """All that keeps it from starting when nothing fails: its needs, and the texts that it wants to read."""
        return tuple(dict.fromkeys((*self.needs, *((source,) for source in self.information))))

    @property
    def size(self) -> int:
        """How many of the plan's tasks it is."""
        return max(1, len(self.members))


@dataclass(frozen=True, slots=True)
class EarlierWork:
    """A task that an earlier run has finished, and that need not be done again."""

    commit: str | None
    """Nothing when it had nothing to change."""
    landed: bool
    rests_on: tuple[str, ...] = ()
    """The tasks whose commits its own contains, or would contain if it had one."""
    at: str | None = None
    """The commit whose files are what it left: its own, or the one in which it had nothing to change."""
    built_on: Mapping[str, int] = field(default_factory=dict)
    """The versions of contracts that it rests on."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """By contract that it writes, a hash of what it wrote."""
    behind: tuple[str, ...] = ()
    """The tasks that it rests on and that were repaired since: its commit holds what was rejected, not the repair."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """That base is taken in as a task of the run: the first of its first batch, before others start."""

    task: str
    commit: str
    """Of base."""
    name: str
    """What base is called."""
    tip: str
    """That commit, or what mends it and was finished before a kill."""
    by_agent: bool
    """Whether an agent mends it where it does not fit; else a person does."""


@dataclass(frozen=True, slots=True)
class PastEffort:
    """What was spent on a task by a run that was killed, and counts on."""

    tries: int = 0
    spans: tuple[Span, ...] = ()
    usage: Usage | None = None
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds of its tries by stage."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a run begins with; the first line of its journal."""

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings", extra="forbid")

    run: str
    feature: str
    branch: str
    """The feature branch."""
    base: str
    """The commit that the feature starts from."""
    tasks: tuple[TaskFacts, ...]
    slots: Mapping[str, int]
    started_at: float = 0.0
    """Seconds since the epoch."""
    tip: str | None = None
    """Where the feature branch is; nothing when it does not exist yet."""
    resources: Mapping[str, int] = field(default_factory=dict)
    urgency: Mapping[str, float] | None = None
    """By task, the order of dispatch; the usual rule's when absent."""
    ready: float | None = 0.8
    """The share of agents that must have finished before a batch forms; nothing where the plan does not say."""
    wait: float | None = 600.0
    """Seconds after which a finished branch is integrated, whoever else is still at work; nothing as for `ready`.
    Where neither is said, a batch forms as soon as there is a verification slot for it."""
    verifications: int = 1
    """How many verifications may run at once, and so how many batches may be in work."""
    repairs: int = 2
    base_rule: Literal["", "known", "green", "new-failures"] = ""
    """What a red base means; empty where there is nothing to verify with, and in the first journals."""
    contracts: tuple[PlannedContract, ...] = ()
    phases: tuple[tuple[str, ...], ...] = ()
    """The tasks of each phase, also those that are not part of this run."""
    records: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)
    """By contract, what git remembers of its versions, oldest first."""
    earlier: Mapping[str, EarlierWork] = field(default_factory=dict)
    """By task, of this run or not (`--only`)."""
    outputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By task outside this run that one of it reads: the files that it promised."""
    redone: tuple[str, ...] = ()
    """Unfinished tasks of which outdated work has landed: done again on top of it."""
    sent_back: Mapping[str, EarlierWork] = field(default_factory=dict)
    """What was finished and a person rejected: its agent goes on from its commit, if it has one."""
    repaired: Mapping[str, str] = field(default_factory=dict)
    """By task that earlier runs finished, the commit that a person put on top of that: looked at before all else."""
    before: float = 0.0
    """Seconds that runs went on which were killed, and that this one goes on with."""
    past: Mapping[str, PastEffort] = field(default_factory=dict)
    salvage: tuple[str, ...] = ()
    """Branches that keep what a killed run had in work."""
    unsupported: tuple[str, ...] = ()
    paused_by: str | None = None
    """Who paused the feature before this run began."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    """By role, the account that its agents use; none where the roles have nothing in common."""
    account_pauses: Mapping[str, AccountPause] = field(default_factory=dict)
    """By account, how it stood when a run was killed that this one goes on with."""
    quota_wait: float = QUOTA_WAIT
    """Seconds that the run waits for accounts when nothing else goes on."""
    standing: BaseStanding | None = None
    """How base stood beside the feature; nothing in the first journals."""
    refresh: Refresh | None = None
    reviews: Mapping[str, ReviewRecord] = field(default_factory=dict)
    """By task, what git remembers of its newest review."""
    unread: tuple[str, ...] = ()
    """Tasks that are not part of the run and whose work nobody has approved: it lands with nobody."""
    edition: str = ""
    """What `plait run PLAN --edition` takes for the edition that the feature is; empty where it is none."""


def facts_of(task: PlannedTask, crew: Crew, *, branch: str = "", fallback: tuple[str, ...] | None = None) -> TaskFacts:
    """What is decided on of a planned task; `fallback`: the roles that can help it, the crew's when absent."""
    spec, role = task.task, crew.role(task.role)
    own = spec.priority != DEFAULT_PRIORITY
    return TaskFacts(
        id=task.id,
        role=task.role,
        branch=branch,
        title=spec.subject,
        needs=task.needs,
        seconds=task.seconds,
        planned_seconds=task.seconds if spec.duration else None,
        dispatch_priority=spec.priority if own else role.priority,
        merge_priority=spec.priority,
        uses=dict(spec.uses),
        fallback=role.fallback if fallback is None else fallback,
        phase=task.phase,
        writes=task.writes,
        contracts=task.contracts,
        information=task.information,
        outputs=spec.outputs,
        is_command=not spec.is_for_agent,
        foreign=spec.branch,
        members=tuple(member.id for member in task.members),
        owns=spec.owns,
        locked=spec.locked,
        reviewer=None if spec.review is None else reviewer_of(task, spec.review.by, crew),
        review_rounds=0 if spec.review is None else spec.review.rounds,
    )


def review_job_of(task: TaskFacts, role: str) -> Job:
    """The review of a task as dispatch sees it: before the role's own work of the same class, as others wait for it."""
    return Job(review_job(task.id), role, seconds=task.seconds / 4, priority=max(1, task.dispatch_priority - 1))


def job_of(task: TaskFacts, *, known: Collection[str], met: Collection[str] = (), seconds: float | None = None) -> Job:
    """A task as dispatch sees it.

    Args:
        known: The tasks that take part; needs on others are left out.
        met: Others that are finished: a need that any of them meets is no need any more.
        seconds: How long it takes, in place of what was thought.
    """
    groups = (tuple(need for need in group if need in known) for group in task.needs if not set(group) & set(met))
    return Job(
        id=task.id,
        role=task.role,
        seconds=task.seconds if seconds is None else seconds,
        needs=tuple(group for group in groups if group),
        reads=tuple(source for source in task.information if source in known),
        priority=task.dispatch_priority,
        uses=task.uses,
        fallback=task.fallback,
    )
