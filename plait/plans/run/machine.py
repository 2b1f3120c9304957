"""The machine of a run: what it hears goes in, what is to be done comes out; no clock, no input, no output."""

from collections.abc import Callable
from typing import Any, Final

from plait.plans.journal.effects import Effect, MarkTask
from plait.plans.journal.events import (
    BaseSeen,
    BaseVerified,
    BatchEnded,
    BatchSettled,
    Beat,
    Begin,
    BranchPutAside,
    BroughtToBase,
    Close,
    EditionCompared,
    Event,
    NoteTold,
    Pause,
    ProgramBroke,
    RecordsRead,
    RecordWritten,
    RepairFound,
    RepairTaken,
    Resume,
    ReviewAnswered,
    ReviewEnded,
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
    TipMoved,
    WorkEnded,
)
from plait.plans.journal.manifest import EarlierWork, Manifest
from plait.plans.run import (
    account_events,
    base_events,
    batch_events,
    contract_events,
    repair_events,
    review_events,
    work_events,
)
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import (
    Built,
    Cancelled,
    Impossible,
    Landed,
    Preparing,
    TextWait,
    Waiting,
    Working,
)
from plait.plans.tasks.states import TaskState


class Run:
    """One run of a feature, from what it began with.

    `hear` is all that changes it: deterministic, so that a journal of what was heard, played again, comes to the same.
    Times are seconds since the epoch, by a clock that never goes back.

    Example: A needs nothing, B needs A, one slot.

        Begin      -> nothing
        Tick       -> StartWork(A)
        WorkEnded(A) -> nothing; Tick -> StartBatch(A), PrepareStart(B); StartPrepared(B) -> StartWork(B)
        BatchEnded -> A has landed; WorkEnded(B), Tick -> StartBatch(B); BatchEnded -> `is_over`
    """

    def __init__(self, manifest: Manifest) -> None:
        self.standings = Standings(manifest)
        self.wakes_at: float | None = None
        """When a tick is due although nothing else happens, in seconds since the epoch."""

    def hear(self, event: Event, now: float) -> tuple[Effect, ...]:
        """What is to be done because of an event; one that comes too late, or twice, changes nothing."""
        run, before = self.standings, self.standings.run_time
        run.now = max(now, run.now)
        account_events.count_waiting(run, run.run_time - before)
        if isinstance(event, TipMoved):
            batch_events.tip_moved(run, event)
        elif isinstance(event, BaseSeen):
            run.base_standing = event.standing
        elif isinstance(event, BroughtToBase):
            run.brought = event.outcome
        elif isinstance(event, EditionCompared):
            run.edition = event.change
        elif not run.closed and not isinstance(event, Beat):
            if isinstance(event, Tick):
                self.wakes_at = _tick(run, event)
            else:
                _HANDLERS[type(event)](run, event)
            run.renew_waits()
            account_events.note_waiting(run)
            if isinstance(event, Tick) and not run.stopping and run.paused_at is None:
                self.wakes_at = _sooner(self.wakes_at, run.rests.next_change(run.now))
        return run.take_effects()

    @property
    def is_over(self) -> bool:
        """Whether nothing goes on and nothing more can: true only after a tick, which gives up what waits in vain."""
        run = self.standings
        if run.stopping:
            return not run.dispatcher.running and not run.in_work and not run.explaining and not run.mending
        return not run.goes_on() and not run.waiters(TextWait)


def _begin(run: Standings, _event: Begin) -> None:
    if run.begun:
        return
    run.begun = True
    for task, past in run.manifest.past.items():
        if task in run.tasks:
            agent = past.spans[-1].agent if past.spans else None
            run.put(task, tries=past.tries, spans=past.spans, usage=past.usage, spent=past.spent, agent=agent)
    review_events.remember_reviews(run)
    unread = dict[str, EarlierWork]()
    base_events.take_base_in(run)
    refresh = run.manifest.refresh
    for task, work in run.manifest.earlier.items():
        if refresh is not None and task == refresh.task:
            continue
        if task in run.tasks and task not in run.manifest.repaired:
            if not work.landed and review_events.must_be_reviewed(run, task, work.commit):
                unread[task] = work
            else:
                _reuse(run, task, work)
    if run.manifest.paused_by is not None:
        _pause(run, Pause(run.manifest.paused_by))
    repair_events.take_up_repairs(run)
    for task, work in run.manifest.sent_back.items():
        if task in run.tasks:
            there = all(need in run.tasks or need in run.outside for need in work.rests_on)
            # What holds a rejected version of another's work starts anew.
            grounds = run.commits_of(work.rests_on) if there and not work.behind else ()
            run.put(task, commit=work.commit, rests_on=work.rests_on, grounds=grounds)
    review_events.take_up_reviews(run, unread)
    contract_events.take_up_contracts(run)
    base_events.ask_about_base(run)


def _reuse(run: Standings, task: str, work: EarlierWork) -> None:
    """Take over what an earlier run finished: it takes no slot, and what has not landed goes into the first batch."""
    run.dispatcher.settle(task, now=run.now)
    status = Landed() if work.landed else Built(run.run_time)
    run.put(task, status=status, commit=work.commit, rests_on=work.rests_on, built_on=work.built_on)
    says = "landed by an earlier run" if work.landed else "finished by an earlier run"
    run.tell(says, about=task)
    run.order(MarkTask(task, "Reused", says))


def _tick(run: Standings, event: Tick) -> float | None:
    if run.stopping or run.paused_at is not None:
        return None
    if run.rests.is_of_concern:  # a pause may be over by the clock alone
        run.renew_waits()
    if not base_events.takes_base_in(run):
        _dispatch(run, event)
    wakes_at = batch_events.form_batch(run)
    if not run.goes_on() and (_give_up_texts(run) or review_events.ask_persons_instead(run)):
        run.renew_waits()
        _dispatch(run, event)
    return wakes_at


def _sooner(this: float | None, that: float | None) -> float | None:
    return min((moment for moment in (this, that) if moment is not None), default=None)


def _dispatch(run: Standings, event: Tick) -> None:
    """Start what can; whatever gives its slot back at once leaves it to others."""
    room = None if event.room is None else dict(event.room)
    while starts := run.dispatcher.start(run.now, closed=account_events.closed_roles(run), room=room):
        for start in starts:
            begun = work_events.begin_start(run, start)
            if begun and room is not None and start.role in room:
                room[start.role] -= 1
        run.renew_waits()


def _give_up_texts(run: Standings) -> bool:
    """Let all go on who wait to read something, when nothing else does: whether any waited."""
    readers = run.waiters(TextWait)
    for task in readers:
        run.put(task, reads_without=True)
    return bool(readers)


def _pause(run: Standings, event: Pause) -> None:
    if run.paused_at is None and not run.stopping:
        run.pause(event.by)
        by = f" by {event.by}" if event.by else ""
        until = f"until `plait resume {run.manifest.feature}`"
        run.tell(f"paused{by}: what runs finishes, and nothing new starts {until}")


def _resume(run: Standings, event: Resume) -> None:
    if run.paused_at is not None and not run.stopping:
        run.resume()
        run.tell(f"goes on{f', resumed by {event.by}' if event.by else ''}")


def _stop(run: Standings, event: Stop) -> None:
    if run.stopping is None:
        run.stop(event)
        if event.broken:
            run.trouble = event.reason


def _close(run: Standings, _event: Close) -> None:
    """Say where every task was left."""
    stopped = work_events.why_stopped(run)
    trouble = None if run.stopping else account_events.why_ended(run) or account_events.why_roles_stopped(run)
    run.rests.ended_waiting = not run.stopping and account_events.why_ended(run) is not None
    for task, standing in tuple(run.tasks.items()):
        is_blocked = run.dispatcher.state_of(task) is TaskState.BLOCKED
        ended = isinstance(standing.status, Preparing | Working) or (run.stopping and not is_blocked)
        if isinstance(standing.status, Waiting) and standing.waits and not run.stopping:
            reason = next(wait.in_vain for wait in standing.waits)
            run.put(task, status=Impossible(reason), waits={})
            run.tell("blocked", about=task, reason=reason)
            run.lose(task)
        elif isinstance(standing.status, Waiting) and base_events.is_refused(run) and not run.stopping:
            run.put(task, status=Impossible(run.trouble or ""), waits={})
        elif isinstance(standing.status, Waiting | Preparing | Working) and ended:
            run.put(task, status=Cancelled(stopped), waits={})
            run.tell("cancelled", about=task, reason=stopped)
    run.trouble = run.trouble or base_events.why_base_red(run) or trouble
    for task, by in run.rules.held.items():
        if by != task:
            run.tell("held", about=task, reason=run.why_held(task, by))
    run.closed = True


_HANDLERS: Final[dict[type, Callable[[Standings, Any], None]]] = {
    Begin: _begin,
    StartPrepared: work_events.start_prepared,
    StartConflicted: work_events.start_conflicted,
    WorkEnded: work_events.work_ended,
    BaseVerified: base_events.base_verified,
    BatchSettled: batch_events.batch_settled,
    BatchEnded: batch_events.batch_ended,
    BranchPutAside: work_events.branch_put_aside,
    RepairFound: repair_events.repair_found,
    RepairTaken: repair_events.repair_taken,
    ReviewEnded: review_events.review_ended,
    ReviewAnswered: review_events.review_answered,
    RecordWritten: contract_events.record_written,
    RecordsRead: contract_events.records_read,
    ProgramBroke: account_events.program_broke,
    NoteTold: work_events.note_told,
    Pause: _pause,
    Resume: _resume,
    Stop: _stop,
    Close: _close,
}
"""Who handles what; a new event is one function and one line here."""
