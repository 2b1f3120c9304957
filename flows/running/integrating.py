"""Forms batches from finished branches, hears what came of them, and hands rejected branches back for repair."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect.futures import PrefectFuture
from prefect.utilities.annotations import quote

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.integrate import integrate
from plait.agent_tasks.page_marks import mark
from plait.agent_tasks.workshop import Workshop
from plait.flows.running.book import Book, Entry
from plait.flows.running.dispatching import Dispatching, result_of
from plait.flows.running.holding import Holding
from plait.flows.running.reuse import Finished as Done
from plait.plans.landing.batching import Due, FinishedBranch, NotYet, next_batch
from plait.plans.schedule.dispatch import Blocked
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, TaskState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate, RepairOrder, Rework
from plait.workspace.git import git_date
from plait.workspace.output import plain


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """An integration is over."""

    order: BatchOrder
    future: PrefectFuture[Any]


@dataclass(slots=True)
class Integrating:
    """One feature's batches: one in work at a time."""

    shop: Workshop
    book: Book
    dispatching: Dispatching
    finished_at: dict[str, float] = field(default_factory=dict)
    """Branches that are finished and not landed: since when, by the dispatching clock."""
    repairs: dict[str, RepairOrder] = field(default_factory=dict)
    """What the next dispatch of a task has to repair."""
    rejections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """How each branch that was handed back was rejected last: kind, partner, files."""
    batch: BatchOrder | None = None
    trouble: str | None = None
    """What ended the integration: a red base, a broken environment."""
    environment: bool = False
    """Whether this machine, not a branch, kept something from landing."""
    by_hand: str | None = None
    """The command that lands a batch which is ready-to-land."""
    unapproved: set[str] = field(default_factory=set)
    """Finished tasks whose contract a person has not approved yet, or that cannot go again in this run for a new one:
    neither they nor what rests on them lands."""
    outside: Mapping[str, Done] = field(default_factory=dict)
    """Finished tasks that are not part of this run (`--only`)."""
    parked: set[str] = field(default_factory=set)
    """Tasks whose needs conflict with each other: they wait until a batch has settled that."""
    holding: Holding = field(init=False)
    _merged: set[frozenset[tuple[str, str | None]]] = field(default_factory=set)
    """What was merged only to settle a conflict for tasks that are parked."""
    _number: int = 0

    def __post_init__(self) -> None:
        self.holding = Holding(
            self.book, self.shop.phases, self.outside, self.finished_at, self.repairs, self.unapproved
        )

    @property
    def is_over(self) -> bool:
        """Whether no batch is in work, and none can form from what is finished."""
        if self.batch is not None:
            return False
        stopped = self.trouble is not None or self.by_hand is not None
        return stopped or (len(self.holding.held()) == len(self.finished_at) and not self._parts_to_merge())

    def form_batch(self, *, running: int) -> None:
        """Integrate when a batch is due (SEMANTICS, Batches); `running` is how many agents it could wait for."""
        if self.is_over or self.batch is not None:
            return
        held = self.holding.held()
        free = [task for task in self.finished_at if task not in held]
        if isinstance(due := self._due(free, running=running), Due):
            self._integrate(due.tasks)
        elif isinstance(due := self._due(parts := self._parts_to_merge(), running=0), Due):
            self._merged.add(self._as_they_are(parts))
            self._integrate(due.tasks, merge_only=True)

    def _due(self, tasks: Iterable[str], *, running: int) -> Due | NotYet:
        settings = self.shop.facts.integration
        return next_batch(
            [self._finished(task) for task in tasks],
            running=running,
            ready=settings.ready,
            wait=settings.wait,
            now=self.dispatching.clock(),
        )

    def _parts_to_merge(self) -> tuple[str, ...]:
        """What parked tasks need and what waits for its phase alone, for which perhaps just they are lacking.

        It cannot land, but a conflict among it can be found and repaired. The same commits would come to the same.
        """
        path = list(self.parked)
        parts = dict.fromkeys(path)
        for task in path:
            new = [need for need in self.holding.needs_of(task) if need not in parts]
            parts |= dict.fromkeys(new)
            path += new
        wanted = [task for task in parts if task in self.finished_at]
        waiting = tuple(self.holding.parts_of_phases(wanted)) if wanted else ()
        return () if len(waiting) < len(wanted) or self._as_they_are(waiting) in self._merged else waiting

    def _as_they_are(self, tasks: Iterable[str]) -> frozenset[tuple[str, str | None]]:
        return frozenset((task, self.book.entries[task].commit) for task in tasks)

    def _finished(self, task: str) -> FinishedBranch:
        needs, priority = self.holding.needs_of(task), self.book.entries[task].planned.task.priority
        return FinishedBranch(task, self.finished_at[task], needs, priority)

    def _integrate(self, tasks: Iterable[str], *, merge_only: bool = False) -> None:
        entries = [self.book.entries[task] for task in tasks]
        self._number += 1
        branches = tuple(self._candidate(entry) for entry in entries)
        names = ", ".join(branch.task for branch in branches)
        order = BatchOrder(
            id=f"batch-{self._number}",
            run=self.shop.run_id,
            branches=branches,
            date=git_date(),
            groups=self.shop.phases,
            landed=self.holding.landed,
            merge_only=merge_only,
        )
        self.batch = order
        begun = BatchOutcome(id=order.id, state=BatchState.VERIFYING, started_at=datetime.now(UTC))
        self.book.put_batch(begun, says=f"{'merging' if merge_only else 'verifying'} {names}")
        futures = self.dispatching.futures
        waits = [futures[branch.task] for branch in branches if branch.task in futures]
        # `quote` keeps Prefect from walking through what is not data for it.
        future = integrate.submit(quote(order), quote(self.shop.facts), wait_for=waits, return_state=False)
        future.add_done_callback(partial(self._heard, order))

    def _candidate(self, entry: Entry) -> Candidate:
        return Candidate(
            task=entry.planned.id,
            tip=entry.commit or "",
            needs=self.holding.needs_of(entry.planned.id),
            title=entry.planned.task.subject,
            ref=f"refs/heads/{entry.branch}",
            carries=self.holding.carried(entry.planned.id),
        )

    def _heard(self, order: BatchOrder, future: PrefectFuture[Any]) -> None:
        """Called by the thread that integrated."""
        self.dispatching.events.put(BatchEnded(order, future))

    def ended(self, event: BatchEnded) -> None:
        """Take over what came of a batch."""
        self.batch = None
        result = result_of(event.future)
        if isinstance(result, BatchReport):
            self._take_over(result)
        elif isinstance(result, TaskStopped):
            stopped = BatchOutcome(id=event.order.id, state=BatchState.VERIFYING, reason="the run was cancelled before")
            self.book.put_batch(stopped, says="cancelled, nothing of it has landed")
        else:
            self.environment = True
            self.trouble = f"the integration broke: {result}"
            broken = BatchOutcome(id=event.order.id, state=BatchState.INFRASTRUCTURE, reason=plain(str(result)))
            self.book.put_batch(broken, says=self.trouble)

    def _take_over(self, report: BatchReport) -> None:
        outcome = report.outcome
        self.book.tip = report.tip or self.book.tip
        self.by_hand = report.land_by_hand
        for task in outcome.landed:
            self.finished_at.pop(task, None)
            if outcome.state is BatchState.READY_TO_LAND:
                self.book.entries[task].reason = "ready to land: the feature branch is checked out"
            else:
                self.book.enter(task, TaskState.LANDED)
        self.book.put_batch(outcome, says=_said(outcome))
        if outcome.state is BatchState.INFRASTRUCTURE or any(one.kind == "base-red" for one in outcome.rejected):
            self.trouble = outcome.reason
            self.environment = outcome.state is BatchState.INFRASTRUCTURE
            return
        for rework in report.rework:
            with_phase = report.unlanded if report.unlanded and rework.task in report.unlanded.mates else None
            self._hand_back(rework, onto=with_phase.onto if with_phase else report.tip or self.shop.base)
            if with_phase:
                entry = self.book.entries[rework.task]
                entry.rests_on = tuple(dict.fromkeys((*entry.rests_on, *with_phase.tasks)))
        for held in outcome.held:
            self.book.enter(held.task, TaskState.HELD, reason=self.holding.why_held(held.task, held.by))

    def _hand_back(self, rework: Rework, *, onto: str) -> None:
        """Order a repair from the role that made the branch, or give up after `integration.repairs`."""
        entry = self.book.entries[rework.task]
        reason = f"rejected: {rework.kind}" + (f" with {rework.partner}" if rework.partner else "")
        if rework.files:
            reason += f" in {', '.join(rework.files)}"
        self.finished_at.pop(rework.task, None)
        now = self.dispatching.clock()
        blocked = self.dispatching.dispatcher.reopen(rework.task, now=now)
        if blocked:  # what it rests on has failed since: there is nothing left to repair
            self.book.enter(rework.task, TaskState.HELD, reason=f"{reason}, and {blocked[0].by} did not succeed")
        elif entry.commit is None or not self._may_repair(entry, rework):
            self.book.enter(rework.task, TaskState.HELD, reason=reason)
            self.block(self.dispatching.dispatcher.settle(rework.task, now=now, ok=False))
        else:
            entry.repairs += 1
            self.repairs[rework.task] = _repair_order(rework, number=entry.repairs, rejected=entry.commit, onto=onto)
            self.book.enter(rework.task, TaskState.READY, reason=reason, says="handed back")

    def _may_repair(self, entry: Entry, rework: Rework) -> bool:
        """Whether a repair is left, and could help: a command that fails in the same way again would go on doing so."""
        how = (rework.kind, rework.partner or "", *rework.files)
        same_again = entry.planned.task.run is not None and self.rejections.get(rework.task) == how
        self.rejections[rework.task] = how
        # A batch that is ready-to-land is on no branch yet: there is no tip that a repair could be made on.
        return self.by_hand is None and not same_again and entry.repairs < self.shop.facts.integration.repairs

    def block(self, blocked: list[Blocked]) -> None:
        """Show what can no longer start as blocked, in the book and on the Prefect page."""
        for one in blocked:
            reason = f"{one.by} did not succeed"
            self.book.enter(one.job, TaskState.BLOCKED, reason=reason)
            mark.submit(one.job, "Blocked", reason)


def _repair_order(rework: Rework, *, number: int, rejected: str, onto: str) -> RepairOrder:
    return RepairOrder(
        number=number,
        kind=rework.kind,
        rejected=rejected,
        onto=onto,
        partner=rework.partner,
        partner_commit=rework.partner_commit,
        files=rework.files,
        reason=rework.reason,
        commands=rework.commands,
    )


def _said(outcome: BatchOutcome) -> str:
    """A batch's end in a line."""
    landed = [f"landed {', '.join(outcome.landed)}"] if outcome.landed else []
    parts = landed if landed and outcome.state is BatchState.LANDED else [outcome.state.value, *landed]
    parts += [
        f"rejected {one.task} ({one.kind}{f' with {one.partner}' if one.partner else ''})" for one in outcome.rejected
    ]
    parts.append(f"{outcome.verifications} verification{'' if outcome.verifications == 1 else 's'}")
    return ", ".join(parts)
