"""What one dispatch asks for, and what comes back: the data that crosses a Prefect task's border."""

from dataclasses import dataclass
from datetime import datetime

from plait.plans.tasks.contracts import Agreement
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.usage import Usage

_LONGEST_NAME = 200


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
    files: tuple[str, ...]
    reason: str
    """The conflict's hunks or the tail of the failing output."""
    commands: tuple[str, ...]
    """How to repeat the failure."""


@dataclass(frozen=True, slots=True)
class Informant:
    """A task whose text another one gets."""

    task: str
    commit: str | None
    """Where its work is; nothing when it changed no file, or has none to show."""
    outputs: tuple[str, ...]
    missing: str = ""
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
    rejections: tuple[str, ...] = ()
    """Why a person rejected what it made before."""

    @property
    def role(self) -> str:
        """The role of the agent: the task's own, or one that it falls back on."""
        return self.agent.rpartition("-")[0]

    @property
    def name(self) -> str:
        """How the Prefect page shows it."""
        return f"{self.task.id} (repair {self.repair.number})" if self.repair else self.task.id

    @property
    def dispatch(self) -> str:
        """What its tries share."""
        return f"repair {self.repair.number}" if self.repair else "work"


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
    usage: Usage | None = None
    """What the agent used up; nothing where it did not tell."""


@dataclass(frozen=True, slots=True)
class WorkReport:
    """Work that was harvested and checked."""

    task: str
    agent: str
    commit: str | None
    """Nothing when the task changed nothing and need not."""
    changed: tuple[str, ...]
    summary: str
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
    files: tuple[str, ...]
    reason: str
    commands: tuple[str, ...]
