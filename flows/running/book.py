"""Where every task and batch of a run stands, from its start to its report."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.outcomes import (
    Approval,
    BatchOutcome,
    Conditions,
    ContractOutcome,
    FeatureOutcome,
    RunState,
    Span,
    TaskOutcome,
    TaskState,
)
from plait.plans.usage import Usage
from plait.plans.wording import key_line
from plait.show.progress import Eta
from plait.workspace.output import plain

ENDED = {TaskState.LANDED, TaskState.FAILED, TaskState.BLOCKED, TaskState.HELD, TaskState.CANCELLED}


@dataclass(slots=True)
class Entry:
    """One task's line in the book."""

    planned: PlannedTask
    branch: str
    state: TaskState = TaskState.PENDING
    commit: str | None = None
    agent: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    tries: int = 0
    repairs: int = 0
    reason: str | None = None
    line: str = ""
    """What its agent printed last."""
    dispatched_at: datetime | None = None
    """When the dispatch in work began."""
    spans: list[Span] = field(default_factory=list)
    usage: Usage | None = None
    """What all tries so far used up."""
    rests_on: tuple[str, ...] = ()
    """The tasks whose commits its own contains: of alternatives the chosen one, of a need without a commit its own."""

    @property
    def size(self) -> int:
        """How many of the plan's tasks it is."""
        return max(1, len(self.planned.members))

    def outcome(self) -> TaskOutcome:
        return TaskOutcome(
            id=self.planned.id,
            role=self.planned.role,
            agent=self.agent,
            state=self.state,
            branch=self.branch if self.commit else None,
            commit=self.commit,
            started_at=self.started_at,
            ended_at=self.ended_at,
            tries=self.tries,
            reason=self.reason,
            spans=tuple(self.spans),
            members=tuple(member.id for member in self.planned.members),
            dispatched_at=self.dispatched_at if self.state is TaskState.RUNNING else None,
            usage=self.usage,
        )


@dataclass(slots=True)
class Book:
    """The run's one record of states; whoever shows or stores them reads it here."""

    run_id: str
    feature: str
    branch: str
    entries: dict[str, Entry]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    batches: list[BatchOutcome] = field(default_factory=list)
    salvage: list[str] = field(default_factory=list)
    unsupported: tuple[str, ...] = ()
    contracts: tuple[ContractOutcome, ...] = ()
    approvals: tuple[Approval, ...] = ()
    """When persons were waited for; those without an answer are waited for now."""
    tip: str | None = None
    eta: Eta | None = None
    """When it will end, as the last forecast said; nothing before the first, or when nothing is left to start."""
    final_state: RunState | None = None
    """How the run ended; nothing while it goes on."""
    on_change: Callable[[str], None] = lambda _text: None
    """Told in a line what changed, for terminals that show no table."""

    def enter(self, task: str, state: TaskState, *, reason: str | None = None, says: str | None = None) -> None:
        """Put a task into a state, and say so."""
        entry = self.entries[task]
        reason = plain(reason) if reason else None
        was_running, entry.state, entry.reason = entry.state is TaskState.RUNNING, state, reason
        if state is TaskState.RUNNING:
            entry.dispatched_at = datetime.now(UTC)
            entry.started_at = entry.started_at or entry.dispatched_at
            entry.ended_at = None
        elif was_running:
            entry.ended_at = datetime.now(UTC)
        told = key_line(reason or "")
        self.on_change(f"{task}: {says or state.value}" + (f" ({told})" if told else ""))

    def tell(self, text: str) -> None:
        """Say something to whoever watches by now."""
        self.on_change(plain(text))

    def hear(self, task: str, line: str) -> None:
        """An agent printed a line; called from any thread."""
        self.entries[task].line = line

    def put_batch(self, batch: BatchOutcome, *, says: str) -> None:
        """Add a batch, or replace what was known of it."""
        self.batches = [known for known in self.batches if known.id != batch.id] + [batch]
        self.on_change(plain(f"{batch.id}: {says}"))

    def ask(self, contract: str, version: int, *, owner: str) -> None:
        """A person has to approve this version from now on."""
        if not any((one.contract, one.version) == (contract, version) for one in self._asked()):
            self.answered(contract)
            asked = Approval(contract=contract, version=version, owner=owner, asked_at=datetime.now(UTC))
            self.approvals = (*self.approvals, asked)

    def answered(self, contract: str) -> None:
        """Nobody is asked about a contract any more."""
        self._change_asked(contract, answered_at=datetime.now(UTC))

    def held_for(self, contract: str, tasks: tuple[str, ...]) -> None:
        """These tasks cannot start before a person has answered."""
        self._change_asked(contract, holds=tasks)

    def _asked(self) -> Iterable[Approval]:
        return (one for one in self.approvals if one.answered_at is None)

    def _change_asked(self, contract: str, **changes: object) -> None:
        self.approvals = tuple(
            one.model_copy(update=changes) if one.contract == contract and one.answered_at is None else one
            for one in self.approvals
        )

    def in_state(self, *states: TaskState) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.state in states]

    def state(self, *, cancelled: bool, trouble: bool) -> RunState:
        """What the run came to, from the states of its tasks."""
        landed = len(self.in_state(TaskState.LANDED))
        if landed == len(self.entries) and not trouble:
            return RunState.COMPLETED  # also when a signal came too late to stop anything
        if cancelled:
            return RunState.CANCELLED
        return RunState.PARTIAL if landed else RunState.FAILED

    @property
    def size(self) -> int:
        """How many of the plan's tasks it is about, those of bundles one by one."""
        return sum(entry.size for entry in self.entries.values())

    def outcome(
        self,
        *,
        state: RunState,
        bound: float = 0.0,
        reason: str | None = None,
        conditions: Conditions | None = None,
    ) -> FeatureOutcome:
        """The run as data."""
        now = datetime.now(UTC)
        over = state is not RunState.RUNNING
        return FeatureOutcome(
            run_id=self.run_id,
            feature=self.feature,
            state=state,
            branch=self.branch,
            commit=self.tip,
            started_at=self.started_at,
            ended_at=now if over else None,
            elapsed_seconds=round((now - self.started_at).total_seconds(), 3),
            bound_seconds=round(bound, 3),
            tasks=tuple(entry.outcome() for entry in self.entries.values()),
            batches=tuple(self.batches),
            salvage=tuple(self.salvage),
            unsupported=self.unsupported,
            contracts=self.contracts,
            approvals=self.approvals,
            conditions=conditions,
            reason=reason,
        )


def open_book(
    run_id: str,
    feature: str,
    branch: str,
    tasks: Iterable[PlannedTask],
    branches: Mapping[str, str],
    unsupported: tuple[str, ...],
) -> Book:
    """A book with every task pending."""
    entries = {task.id: Entry(planned=task, branch=branches[task.id]) for task in tasks}
    return Book(run_id=run_id, feature=feature, branch=branch, entries=entries, unsupported=unsupported)
