"""The loop of a run: carries out what the machine orders, and lets it hear what came of that, through one queue."""

import queue
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from prefect import Task
from prefect.futures import PrefectFuture
from prefect.utilities.annotations import quote

from plait.agent_tasks.base_check import verify_base
from plait.agent_tasks.implement import implement
from plait.agent_tasks.integrate import integrate
from plait.agent_tasks.page_marks import mark
from plait.agent_tasks.persons_repair import author_of, take_repair
from plait.agent_tasks.prompts import asked_of
from plait.agent_tasks.review import review
from plait.agent_tasks.workshop import Workshop
from plait.flows.journal_file import JournalFile
from plait.flows.running.base_watch import BaseWatch
from plait.flows.running.branch_watch import BranchWatch
from plait.flows.running.results import base_event, batch_event, repair_event, review_event, work_event
from plait.flows.running.reuse import move_aside
from plait.flows.running.run_clock import RunClock
from plait.flows.running.slot_keeper import SlotKeeper, demand_of
from plait.flows.running.suspension import undo_suspension
from plait.flows.running.watching import LiveRun, Watchers
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.journal.effects import (
    AskPerson,
    CloseQuestion,
    CloseReview,
    Effect,
    EndBatches,
    MarkTask,
    PrepareStart,
    PutBranchAside,
    StartBatch,
    StartReview,
    StartWork,
    TakeRepair,
    Tell,
    VerifyBase,
    WriteRecord,
    WriteReview,
)
from plait.plans.journal.events import (
    BaseVerified,
    BatchDone,
    BatchEnded,
    BatchSettled,
    Beat,
    Begin,
    BranchPutAside,
    Close,
    Event,
    Pause,
    RecordsRead,
    RecordWritten,
    Resume,
    ReviewAnswered,
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
)
from plait.plans.journal.fitting import fitting
from plait.plans.run.base_events import start_of, still_lands
from plait.plans.run.work_events import CANCELLED
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import (
    BaseOrder,
    BaseReport,
    BatchOrder,
    BatchReport,
    PersonsRepair,
    RepairOrder,
    ReviewOrder,
    ReviewReport,
    Rework,
    RunFacts,
    WorkOrder,
    WorkReport,
)
from plait.plans.wording import key_line
from plait.workspace.contract_refs import read_records, write_record
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import git_date
from plait.workspace.merging import StartConflict, merge_start
from plait.workspace.output import plain
from plait.workspace.review_refs import read_reviews, replace_review

TICK_SECONDS = 0.2
"""How long the main thread waits at most before it looks for a signal, a due batch or a freed slot."""
LOOK_SECONDS = 1.0
"""How often a person's answer, or wish to pause, is looked for."""
BEAT_SECONDS = 5.0
"""How much time passes at most between two lines of the journal: what a kill loses of the time that was spent."""
BASE_SECONDS = 15.0
"""How long paid agents wait at the start for what the checks say of base; checks that take longer go on beside them."""
STOP_SECONDS = 6.0
"""How long a stopped run waits for its supervisors, which take 2.5 s at most."""


@dataclass(slots=True)
class Loop:
    """One run's machine, bound to Prefect, to git and to the limits that runs share."""

    live: LiveRun
    shop: Workshop
    tasks: Mapping[str, PlannedTask]
    keeper: SlotKeeper
    watchers: Watchers
    journal: JournalFile
    redact: Callable[[str], str]
    """Takes out what must not be kept."""
    wish_to_pause: Callable[[], str | None]
    """Who wants the run to be paused now; nothing when nobody does."""
    is_on_page: bool
    """Whether there is a page that somebody may look at: an embedded server's has no tags."""
    tells_first: bool = True
    """Whether agents wait at the start for what is said of base (`--no-preflight`: not)."""
    events: "queue.SimpleQueue[Event]" = field(default_factory=queue.SimpleQueue)
    """All that the machine hears, but ticks; worker threads only put."""
    futures: dict[str, PrefectFuture[Any]] = field(default_factory=dict)
    """The newest of each task: what others come after, so that the page draws the edges."""
    _rework: dict[str, Rework] = field(default_factory=dict)
    """By task, the newest, whole: the machine hears no more of it than the journal keeps."""
    _clock: RunClock = field(default_factory=RunClock)
    _heard_at: float = 0.0
    _looked_at: float = 0.0
    _room: Mapping[str, int] | None = None
    _branch: BranchWatch = field(init=False)
    _base: BaseWatch = field(init=False)
    _stirred: bool = True
    """Whether anything was heard since the last tick."""
    _asked_of_base: bool = False
    """Whether the checks were sent to base."""

    def __post_init__(self) -> None:
        self.shop.pipeline.on_settled = self.events.put
        self.shop.resting.on_event = self.events.put
        self._branch = BranchWatch(self.shop.control, self.live.standings)
        self._base = BaseWatch(self.shop.control, self.live.standings)

    def go(self) -> None:
        """Go on until nothing runs and nothing can start; on any signal, stop every agent and keep its work."""
        stop = self.shop.stop
        try:
            self._hear(Begin())
            self._wait_for_base()
            while not stop.is_set() and (not self.live.run.is_over or self.look_at_branch()):
                self._look()
                self._tick()
                self._drain(TICK_SECONDS)
                self.watchers.ticked(self._clock.now())
            if stop.is_set():
                self._hear(Stop(CANCELLED))
            self._wind_down(STOP_SECONDS)
        except BaseException as problem:
            # Prefect's cancellation arrives as TerminationSignal, in the main thread only; the supervisors poll `stop`.
            broken = isinstance(problem, Exception) and not stop.is_set()
            # Whoever presses Ctrl-C a second time does not want to wait: the shims end what still runs.
            patience = 0.0 if isinstance(problem, KeyboardInterrupt) and stop.is_set() else STOP_SECONDS
            stop.set()
            self._hear(Stop(f"the run broke: {problem}" if broken else CANCELLED, broken=broken))
            self._wind_down(patience)
            raise
        finally:
            self.shop.over.set()
            self.keeper.close()

    def _wait_for_base(self) -> None:
        """Let people hear what the checks say of base before an agent is paid, where that is known soon."""
        if not (self.tells_first and self._asked_of_base and any(map(self._is_paid, self.tasks.values()))):
            return
        deadline = time.monotonic() + BASE_SECONDS
        while self.live.standings.base is None and time.monotonic() < deadline and not self.shop.stop.is_set():
            self._drain(TICK_SECONDS)
            self.watchers.ticked(self._clock.now())

    def _is_paid(self, task: PlannedTask) -> bool:
        """Whether a program that may cost something works on it: a played script does not."""
        role = self.shop.crew.role(task.role)
        return task.task.is_for_agent and (role.own_backend or self.shop.crew.default_backend) == "command"

    def hear_more(self, event: Event) -> None:
        """Let the machine hear what came after the end: the specs' history."""
        self._hear(event)

    def look_at_branch(self) -> bool:
        """See whether somebody else has moved the feature branch; whether the machine had to hear of it."""
        with suppress(GitFailed):  # a damaged branch is the next batch's trouble, or the next run's
            moved = self._branch.look()
            if moved is not None:
                self._hear(moved)
                return True
        return False

    def look_at_base(self) -> None:
        """See whether base has moved on."""
        with suppress(GitFailed):  # as for the feature branch
            seen = self._base.look()
            if seen is not None:
                self._hear(seen)

    def require_closed(self) -> None:
        """Let the machine hear that it is over, where the loop was kept from saying so; no effect is carried out."""
        if not self.live.standings.closed:
            for event in (Stop(CANCELLED), Close()):
                now = self._clock.now()
                self.live.run.hear(event, now)
                with suppress(EnvironmentProblem):  # a full disk has been told of by now
                    self.journal.append(now, event)

    def _hear(self, event: Event) -> None:
        heard, now = fitting(event, self.redact), self._clock.now()
        if isinstance(event, BatchEnded) and isinstance(event.result, BatchDone):
            self._rework |= {rework.task: rework for rework in event.result.report.rework}
        self.journal.append(now, heard)
        self._stirred, self._heard_at = not isinstance(event, Tick | Beat), now
        effects = self.live.run.hear(heard, now)
        self.shop.resting.roles = self.live.standings.rests.resting(now)
        if isinstance(event, BatchSettled):
            self.shop.pipeline.settle(event.batch, event.landed)
        if isinstance(event, BatchEnded):  # the batch behind it may go on
            self._looked_at = 0.0  # a person may have mended by now what is handed back: before an agent starts on it
            done = event.result.report if isinstance(event.result, BatchDone) else None
            self.shop.pipeline.end(event.batch, done)
        for effect in effects:
            self._carry_out(effect)
        if isinstance(heard, BaseVerified) and heard.report.state == "red" and self.live.standings.stopping is None:
            self.watchers.base_red(heard.report.reason, still_lands(self.live.standings.manifest.base_rule))
        (self.shop.pause.set if self.live.standings.paused_at is not None else self.shop.pause.clear)()

    def _tick(self) -> None:
        """Let things start, when anything has happened, the slots are others, or a batch is due by the clock."""
        undo_suspension()
        now, wakes_at = self._clock.now(), self.live.run.wakes_at
        self.shop.budget.tick(now, is_paused=self.live.standings.paused_at is not None)
        room = self.keeper.room(demand_of(self.live.standings), now=now)
        if self._stirred or room != self._room or (wakes_at is not None and now >= wakes_at):
            self._hear(Tick(room))
        elif now >= self._heard_at + BEAT_SECONDS:
            self._hear(Beat())
        self._room = room
        self.keeper.give_back_idle(demand_of(self.live.standings))

    def _drain(self, patience: float) -> None:
        """Hear what has come by now, or comes within `patience` seconds: the main thread has to see signals."""
        try:
            self._hear(self.events.get(timeout=patience))
            while True:
                self._hear(self.events.get_nowait())
        except queue.Empty:
            return

    def _look(self) -> None:
        """See what people have said meanwhile: contracts answered, the run paused or resumed."""
        now, run = self._clock.now(), self.live.standings
        if now < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = now
        if any(contract.is_open for contract in run.contracts.values()):
            # As it would be heard: what was cut or cleaned is no news.
            read = fitting(RecordsRead(read_records(self.shop.control, self.shop.feature)), self.redact)
            if any(contract.records != read.records.get(name, ()) for name, contract in run.contracts.items()):
                self._hear(read)
        self._look_for_answers()
        self.look_at_branch()
        self.look_at_base()
        for repaired in self._branch.persons_repairs():
            self._hear(repaired)
        by = self.wish_to_pause()
        if by is not None and run.paused_at is None:
            self._hear(Pause(by))
        elif by is None and run.paused_at is not None and not self.shop.stop.is_set():
            self._hear(Resume())

    def _look_for_answers(self) -> None:
        """See what persons have said of work that waits for them."""
        asked = {task: work.commit for task, work in self.live.standings.reviewing.items() if work.asks}
        records = read_reviews(self.shop.control, self.shop.feature) if asked else {}
        for task, commit in asked.items():
            record = records.get(task)
            if record is not None and record.commit == commit and record.status != "waiting":
                approves = record.status == "approved"
                self._hear(ReviewAnswered(task, commit, approves, plain(record.by), record.reason))

    def _wind_down(self, patience: float) -> None:
        """Wait some seconds for what still runs, which is only after a stop, and say where every task was left."""
        deadline = time.monotonic() + patience
        while not self.live.run.is_over and time.monotonic() < deadline:
            self._drain(TICK_SECONDS)
        self._drain(0)
        self._hear(Close())

    # Effects.

    def _carry_out(self, effect: Effect) -> None:
        undo_suspension()
        match effect:
            case Tell():
                self._tell(effect)
            case PrepareStart():  # heard at once: an agent need not wait until the starts of all others are merged
                self._hear(self._prepared(effect))
            case StartWork():
                self._start_work(effect)
            case StartBatch(order):
                self._start_batch(order)
            case VerifyBase(order):
                self._verify_base(order)
            case EndBatches():
                self.shop.pipeline.closed.set()
            case PutBranchAside():
                self.events.put(self._put_aside(effect))
            case TakeRepair():
                self._take_repair(effect)
            case WriteRecord():
                self.events.put(self._write_record(effect))
            case StartReview():
                self._start_review(effect)
            case WriteReview(record):
                replace_review(self.shop.control, self.shop.feature, record, run=self.shop.run_id, date=git_date())
                if record.status == "waiting":
                    self.watchers.asked_of_work(record)
            case CloseReview(task, says):
                self.watchers.work_answered(task, says)
            case AskPerson(draft):
                self.watchers.asked(draft)
            case CloseQuestion(contract, record):
                self.watchers.answered(contract, record)
            case MarkTask(task, name, message):
                future = mark.submit(task, name, message)
                if name == "Reused":
                    self.futures[task] = future

    def _tell(self, said: Tell) -> None:
        reason = key_line(said.reason or "")
        about = f"{said.about}: " if said.about else ""
        self.watchers.told(plain(f"{about}{said.says}" + (f" ({reason})" if reason else "")))

    def _prepared(self, effect: PrepareStart) -> Event:
        """Merge what a task needs; where that conflicts, whether the feature branch has settled it."""
        store, tip = self.shop.control.store, self.live.standings.tip
        settle = self.shop.settler.settle
        started = merge_start(
            store,
            start_of(self.live.standings),
            effect.commits,
            date=git_date(),
            settle=settle,
            fold_case=self.shop.control.ignores_case,
        )
        if not isinstance(started, StartConflict):
            return StartPrepared(effect.task, started)
        inside_tip = tip is not None and all(store.is_ancestor(commit, tip) for commit in effect.commits)
        return StartConflicted(effect.task, tuple(map(plain, started.paths)), inside_tip=inside_tip)

    def _start_work(self, effect: StartWork) -> None:
        """Hand a task to Prefect as one task run, with edges to what it comes after."""
        order = self._order(effect)
        suited = _implement(self._tags(order), max(0, order.task.task.retries - effect.tried))
        before = (self.futures[name] for name in effect.after if name in self.futures)
        needed = [future for future in before if future.state.is_completed()]
        # `quote` keeps Prefect from walking through what is not data for it.
        future = suited.submit(quote(order), quote(self.shop.facts), wait_for=needed, return_state=False)
        self.futures[effect.task] = future
        future.add_done_callback(partial(self._work_ended, order, effect.number))

    def _order(self, effect: StartWork) -> WorkOrder:
        return WorkOrder(
            task=self.tasks[effect.task],
            agent=effect.agent,
            start=effect.start,
            branch=self.live.standings.facts[effect.task].branch,
            expected=effect.expected,
            repair=effect.repair and self._whole(effect.task, effect.repair),
            agreements=effect.agreements,
            informants=effect.informants,
            rejections=effect.rejections,
            remarks=effect.remarks,
        )

    def _whole(self, task: str, repair: RepairOrder) -> RepairOrder:
        """A repair with all that the batch said.

        A word of a conflict that looks like a secret would come back into the code as `***`, and a file that the list
        leaves out is one that the repair may not change.
        """
        rework = self._rework.get(task, repair)
        partner = self.tasks.get(repair.partner or "")
        return replace(
            repair,
            files=rework.files,
            reason=rework.reason,
            commands=rework.commands,
            partner_asked=asked_of(partner) if partner else "",
        )

    def _start_review(self, effect: StartReview) -> None:
        """Hand a task's work to Prefect once more, to be read; the page draws it after the work."""
        order = ReviewOrder(
            task=self.tasks[effect.task],
            agent=effect.agent,
            number=effect.number,
            commit=effect.commit,
            approved=effect.approved,
            round=effect.round,
            before=effect.before,
        )
        before = [self.futures[effect.task]] if effect.task in self.futures else []
        future: PrefectFuture[ReviewReport] = review.submit(
            quote(order),
            quote(self.shop.facts),
            wait_for=[done for done in before if done.state.is_completed()],
            return_state=False,
        )
        future.add_done_callback(lambda done: self.events.put(review_event(effect, done, self.shop)))

    def _tags(self, order: WorkOrder) -> frozenset[str]:
        """Words to filter by on the page; an embedded server has none, and Prefect asks it for limits of every tag."""
        if not self.is_on_page:
            return frozenset()
        return frozenset({f"role:{order.role}", f"feature:{self.shop.feature}", *order.task.task.tags})

    def _start_batch(self, order: BatchOrder) -> None:
        self.shop.pipeline.begin(order)
        before = [self.futures[branch.task] for branch in order.branches if branch.task in self.futures]
        future: PrefectFuture[BatchReport] = integrate.submit(
            quote(order), quote(self.shop.facts), wait_for=before, return_state=False
        )
        future.add_done_callback(partial(self._batch_ended, order))

    def _work_ended(self, order: WorkOrder, number: int, future: PrefectFuture[Any]) -> None:
        """Called by the thread that ran it, as the next."""
        self.events.put(work_event(order, future, self.shop, number=number))

    def _verify_base(self, order: BaseOrder) -> None:
        self._asked_of_base = True
        future: PrefectFuture[BaseReport] = verify_base.submit(quote(order), quote(self.shop.facts), return_state=False)
        future.add_done_callback(lambda done: self.events.put(base_event(done)))

    def _take_repair(self, effect: TakeRepair) -> None:
        run, by = self.live.standings, author_of(self.shop, effect.commit)
        facts = run.facts[effect.task]
        repair = PersonsRepair(
            task=self.tasks[effect.task],
            branch=facts.branch,
            commit=effect.commit,
            rejected=effect.rejected,
            tip=run.tip,
            by=by,
            is_foreign=facts.foreign is not None
            and not self.shop.control.store.is_ancestor(effect.rejected, effect.commit),
        )
        future: PrefectFuture[WorkReport] = take_repair.submit(
            quote(repair), quote(self.shop.facts), return_state=False
        )
        future.add_done_callback(partial(self._repair_taken, effect, repair))

    def _repair_taken(self, effect: TakeRepair, repair: PersonsRepair, future: PrefectFuture[Any]) -> None:
        self.events.put(repair_event(effect, repair, future, self.shop))

    def _batch_ended(self, order: BatchOrder, future: PrefectFuture[Any]) -> None:
        self.events.put(batch_event(order, future))

    def _put_aside(self, effect: PutBranchAside) -> Event:
        try:
            kept = move_aside(self.shop.control, [effect.branch], run_id=f"{self.shop.run_id}/again-{effect.number}")
        except CallError as problem:
            return BranchPutAside(effect.task, effect.number, refused=str(problem))
        return BranchPutAside(effect.task, effect.number, kept=next(iter(kept), None))

    def _write_record(self, effect: WriteRecord) -> Event:
        control, feature = self.shop.control, self.shop.feature
        try:
            kept = write_record(control, feature, effect.record, run=self.shop.run_id, date=git_date())
        except RefMoved:  # a person has just answered
            return RecordsRead(read_records(control, feature), refused=effect.record.contract)
        return RecordWritten(kept)


@cache
def _implement(tags: frozenset[str], retries: int) -> Task[[WorkOrder, RunFacts], WorkReport]:
    """The Prefect task with these options: made once for each, as making it takes a millisecond."""
    return implement.with_options(tags=tags, retries=retries)
