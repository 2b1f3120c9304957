"""Runs one feature: starts its tasks, hears of their ends, lets batches form, until nothing can go on."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from prefect import Task
from prefect.futures import PrefectFuture
from prefect.utilities.annotations import quote

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.implement import implement
from plait.agent_tasks.trying import past_tries
from plait.agent_tasks.workshop import Workshop
from plait.flows.running.book import Book, Entry
from plait.flows.running.contracts import Contracting
from plait.flows.running.dispatching import Dispatching, JobEnded, result_of
from plait.flows.running.informing import Informing
from plait.flows.running.integrating import BatchEnded, Integrating
from plait.flows.running.redoing import Redoing
from plait.flows.running.reuse import Finished, Reuse
from plait.flows.running.waiting import Waiting
from plait.flows.servers.client import is_embedded
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.model import Plan
from plait.plans.schedule.dispatch import Dispatcher, Start
from plait.plans.tasks.outcomes import Span, TaskState
from plait.plans.tasks.work import RunFacts, WorkOrder, WorkReport
from plait.plans.usage import usage_of
from plait.workspace.git import git_date
from plait.workspace.merging import StartConflict, merge_start
from plait.workspace.output import plain
from plait.workspace.role_slots import SlotSource

TICK_SECONDS = 0.2
"""How long the main thread waits at most before it looks for a signal, a due batch or a freed slot."""
STOP_SECONDS = 6.0
"""How long a stopped run waits for its supervisors, which take 2.5 s at most."""


@dataclass(slots=True)
class FeatureRun:
    """The loop of one run: what runs and what may start; `integrating` has what is finished."""

    shop: Workshop
    plan: Plan
    book: Book
    dispatcher: Dispatcher
    slots: SlotSource
    reuse: Reuse
    """What earlier runs finished."""
    outside: Mapping[str, Finished] = field(init=False)
    """What of that is not part of this run (`--only`)."""
    dispatching: Dispatching = field(init=False)
    integrating: Integrating = field(init=False)
    waiting: Waiting = field(init=False)
    redoing: Redoing = field(init=False)
    contracting: Contracting = field(init=False)
    informing: Informing = field(init=False)
    starts: dict[str, str] = field(default_factory=dict)
    """The commit that each task starts from, found when it was about to."""
    on_tick: Callable[[float], None] = lambda _now: None
    """Told the time, by the dispatching clock, each time around."""
    broken: bool = False
    """Whether something of ours or of the environment ended the run, and no signal."""

    def __post_init__(self) -> None:
        self.outside = {task: done for task, done in self.reuse.finished.items() if task not in self.book.entries}
        self.dispatching = Dispatching(self.dispatcher, submit=self.submit, slots=self.slots, may_start=self.may_start)
        self.integrating = Integrating(self.shop, self.book, self.dispatching, outside=self.outside)
        self.waiting = Waiting(self.dispatching)
        self.redoing = Redoing(self.shop, self.book, self.integrating)
        self.contracting = Contracting(self.shop, self.book, self.integrating, self.waiting, self.redoing, self.reuse)
        self.informing = Informing(self.plan, self.book, self.waiting, self.outside)

    def begin(self) -> None:
        """Take up what earlier runs finished, once all of that is in the book."""
        self.contracting.begin()
        self.informing.begin()

    def run(self) -> None:
        """Go on until nothing runs and nothing can start; on any signal, stop every agent and keep its work."""
        try:
            while not self._is_over() and not self.shop.stop.is_set():
                self._start_ready()
                running = 0 if self.integrating.parked else len(self.book.in_state(TaskState.RUNNING))
                self.integrating.form_batch(running=running)
                self._handle(self.dispatching.wait(TICK_SECONDS))
                self.contracting.look(self.dispatching.clock())
                self.informing.look()
                self.on_tick(self.dispatching.clock())
            self._wind_down()
        except BaseException as problem:
            # Prefect's cancellation arrives as TerminationSignal, in the main thread only; the supervisors poll `stop`.
            if isinstance(problem, Exception) and not self.shop.stop.is_set():
                self.broken, self.integrating.trouble = True, plain(f"the run broke: {problem}")
            self.shop.stop.set()
            self._wind_down()
            raise
        finally:
            self.dispatching.close()

    def _is_over(self) -> bool:
        still = not self.dispatcher.is_over or not self.integrating.is_over or self.contracting.is_waiting
        return not still and not self.informing.give_up()

    def _start_ready(self) -> None:
        for start in self.dispatching.start_ready():
            entry = self.book.entries[start.job.id]
            entry.agent = start.agent
            does = "repairs it" if start.job.id in self.integrating.repairs else "starts"
            helps = "" if start.role == start.job.role else f" in place of {start.job.role}"
            self.book.enter(start.job.id, TaskState.RUNNING, says=f"{entry.agent} {does}{helps}")
        self.dispatching.give_back_idle()
        for task in self.dispatcher.ready:
            if self.book.entries[task].state is TaskState.PENDING:
                self.book.entries[task].state = TaskState.READY

    def may_start(self, start: Start) -> bool:
        """Merge what a task needs into the commit that it starts from; needs that conflict are for the next batch."""
        task = start.job.id
        if self.waiting.is_held(task):
            return False
        if task in self.integrating.repairs:
            return True
        entry, store = self.book.entries[task], self.shop.control.store
        if not self.contracting.may_start(entry) or not self.informing.may_start(entry):
            return False
        entry.rests_on = tuple(dict.fromkeys(self._resting(entry)))
        onto = [self.book.tip] if task in self.reuse.redone and self.book.tip else []
        commits = (*onto, *(commit for need in entry.rests_on if (commit := self._commit_of(need))))
        started = merge_start(store, self.shop.base, commits, date=git_date()) if commits else self.shop.base
        if isinstance(started, StartConflict):
            tip = self.book.tip
            if tip is None or not all(store.is_ancestor(commit, tip) for commit in commits):
                self.integrating.parked.add(task)
                self.book.tell(f"{task}: waits, what it needs conflicts in {', '.join(started.paths)}")
                return False
            started = tip
        self.starts[task] = started
        return True

    def submit(self, start: Start) -> PrefectFuture[Any]:
        """Hand a started job to Prefect as one task run, with edges to what it needs."""
        order = self._order(self.book.entries[start.job.id], start.agent)
        suited = _implement(self._tags(order), order.task.task.retries)
        futures = self.dispatching.futures
        before = [need for group in order.task.needs for need in group] + ([order.task.id] if order.repair else [])
        before += order.task.information
        needed = [futures[name] for name in before if name in futures and futures[name].state.is_completed()]
        # `quote` keeps Prefect from walking through what is not data for it.
        return suited.submit(quote(order), quote(self.shop.facts), wait_for=needed, return_state=False)

    def _tags(self, order: WorkOrder) -> frozenset[str]:
        """Words to filter by on the page; an embedded server has none, and Prefect asks it for limits of every tag."""
        if is_embedded():
            return frozenset()
        return frozenset({f"role:{order.role}", f"feature:{self.shop.feature}", *order.task.task.tags})

    def _order(self, entry: Entry, agent: str) -> WorkOrder:
        repair = self.integrating.repairs.get(entry.planned.id)
        rejection = self.contracting.rejections.get(entry.planned.id)
        # What a person rejected is where an agent goes on; a command begins as it did before.
        old = entry.commit if rejection and entry.planned.task.run is None else None
        return WorkOrder(
            task=entry.planned,
            agent=agent,
            start=repair.onto if repair else old or self.starts[entry.planned.id],
            branch=entry.branch,
            expected=entry.commit,
            repair=repair,
            agreements=self.contracting.agreements(entry),
            informants=self.informing.informants(entry),
            rejections=(rejection,) if rejection else (),
        )

    def _resting(self, entry: Entry) -> Iterator[str]:
        """The tasks whose commits it starts from; where a need changed nothing, those that the need rests on."""
        held = self.integrating.holding.held()
        for group in entry.planned.needs:
            there = [need for need in group if self._has_succeeded(need)]
            sound = [need for need in there if need not in held and self._is_sound(need)]
            for need in (sound or there)[:1]:
                yield from (need,) if self._commit_of(need) else self._rests_on(need)

    def _has_succeeded(self, need: str) -> bool:
        entry = self.book.entries.get(need)
        if entry is None:
            return need in self.outside
        return entry.state in (TaskState.DONE, TaskState.LANDED, TaskState.HELD)

    def _is_sound(self, need: str) -> bool:
        """Whether an alternative is not one that a batch has rejected, or that a person has not approved."""
        entry = self.book.entries.get(need)
        return need not in self.integrating.unapproved and (entry is None or entry.state is not TaskState.HELD)

    def _commit_of(self, need: str) -> str | None:
        entry = self.book.entries.get(need)
        return entry.commit if entry else self.outside[need].commit

    def _rests_on(self, need: str) -> tuple[str, ...]:
        entry = self.book.entries.get(need)
        return entry.rests_on if entry else self.outside[need].rests_on

    def _handle(self, event: Any | None) -> None:
        if isinstance(event, JobEnded):
            self._task_ended(event)
        elif isinstance(event, BatchEnded):
            self.integrating.ended(event)
            while self.integrating.parked:
                task = self.integrating.parked.pop()
                if self.dispatcher.state_of(task) is TaskState.HELD:  # not blocked by what became of the batch
                    self.dispatcher.release(task, now=self.dispatching.clock())

    def _task_ended(self, event: JobEnded) -> None:
        result = result_of(event.future)
        entry, now = self.book.entries[event.job], self.dispatching.clock()
        self.dispatching.ended(event.job)
        self._note_tries(entry)
        self._add_span(entry, ok=isinstance(result, WorkReport))
        repair = self.integrating.repairs.pop(event.job, None)
        if event.job in self.redoing.stale and not self.shop.stop.is_set():
            self.redoing.again(entry, result.commit if isinstance(result, WorkReport) else None)
            self.contracting.hold_back(entry)
            return
        if isinstance(result, WorkReport):
            self._done(entry, result, now)
        elif isinstance(result, TaskStopped) or self.shop.stop.is_set():
            self.book.enter(event.job, TaskState.CANCELLED, reason=self._why_stopped())
            self.dispatcher.finish(event.job, now=now, ok=False)
        else:
            self.integrating.environment |= isinstance(result, EnvironmentProblem)
            state, before = (TaskState.HELD, "rejected, and the repair failed: ") if repair else (TaskState.FAILED, "")
            after = f"; {result.hint}" if isinstance(result, EnvironmentProblem) and result.hint else ""
            self.book.enter(event.job, state, reason=f"{before}{result}{after}")
            self.integrating.block(self.dispatcher.finish(event.job, now=now, ok=False))

    def _done(self, entry: Entry, report: WorkReport, now: float) -> None:
        task = entry.planned.id
        entry.commit = report.commit or entry.commit
        self.dispatcher.finish(task, now=now, ok=True)
        if entry.commit is None:
            self.book.enter(task, TaskState.DONE, says="done, nothing to land")
            entry.state = TaskState.LANDED
            self.contracting.written(entry, at=self.starts[task])
            return
        self.integrating.finished_at[task] = now
        many = "" if len(report.changed) == 1 else "s"
        self.book.enter(task, TaskState.DONE, says=f"done, {len(report.changed)} file{many} changed")
        self.contracting.written(entry, at=entry.commit)

    def _note_tries(self, entry: Entry) -> None:
        tries = past_tries(self.shop.folder_of(entry.planned.id))
        entry.tries = len(tries)
        entry.usage = usage_of(attempt.usage for attempt in tries)
        self.book.salvage += [one.salvage for one in tries if one.salvage and one.salvage not in self.book.salvage]

    def _add_span(self, entry: Entry, *, ok: bool) -> None:
        repair = self.integrating.repairs.get(entry.planned.id)
        now = datetime.now(UTC)
        number = repair.number if repair else 0
        entry.spans.append(
            Span(started_at=entry.dispatched_at or now, ended_at=now, repair=number, ok=ok, agent=entry.agent)
        )

    def _wind_down(self) -> None:
        """Wait for what still runs, which is only after a stop, and say where every task was left."""
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_busy() and time.monotonic() < deadline:
            self._handle(self.dispatching.wait(TICK_SECONDS))
        if self.shop.stop.is_set():
            for entry in self.book.in_state(TaskState.RUNNING, TaskState.PENDING, TaskState.READY):
                self.book.enter(entry.planned.id, TaskState.CANCELLED, reason=self._why_stopped())
        else:
            self._give_up_parked()
        for task, by in self.integrating.holding.held().items():
            self.book.enter(task, TaskState.HELD, reason=self.integrating.holding.why_held(task, by))

    def _give_up_parked(self) -> None:
        """No batch came that could have settled the conflict, as when the feature branch is checked out."""
        for task in self.integrating.parked:
            self.book.enter(
                task, TaskState.BLOCKED, reason="what it needs conflicts with each other, and has not landed"
            )
            self.integrating.block(self.dispatcher.settle(task, now=self.dispatching.clock(), ok=False))

    def _why_stopped(self) -> str:
        return self.integrating.trouble or "the run broke" if self.broken else "the run was cancelled"

    def _is_busy(self) -> bool:
        return self.integrating.batch is not None or bool(self.book.in_state(TaskState.RUNNING))


@cache
def _implement(tags: frozenset[str], retries: int) -> Task[[WorkOrder, RunFacts], WorkReport]:
    """The Prefect task with these options: made once for each, as making it takes a millisecond."""
    return implement.with_options(tags=tags, retries=retries)
