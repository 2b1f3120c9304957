"""What a prepared start and the end of a task's work make of a run."""

from plait.plans.journal.effects import PrepareStart, StartWork
from plait.plans.journal.events import (
    BranchPutAside,
    NoteTold,
    StartConflicted,
    StartPrepared,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkRefused,
    WorkStopped,
    WorkUnprepared,
)
from plait.plans.run.account_events import refused
from plait.plans.run.base_events import start_of, takes_base_in
from plait.plans.run.contract_events import started_anew, withdraw_questions, written
from plait.plans.run.review_events import answer_failed, begin_review, must_be_reviewed
from plait.plans.run.review_events import begin_start as begin_review_start
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import (
    AsideWait,
    Built,
    Cancelled,
    ConflictWait,
    Failed,
    Impossible,
    Landed,
    Preparing,
    Rejected,
    Waiting,
    Working,
    moment,
)
from plait.plans.schedule.dispatch import Start
from plait.plans.tasks.outcomes import Span, ToldNote
from plait.plans.tasks.planned_contracts import Agreement
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import Informant, RepairOrder
from plait.plans.usage import added, usage_of
from plait.plans.wording import one_line

_UNPREPARED = "its set-up failed"
CANCELLED = "the run was cancelled"
_WITHOUT_WORK = {Failed: "failed", Rejected: "held", Impossible: "blocked", Cancelled: "cancelled"}


def note_told(run: Standings, event: NoteTold) -> None:
    """An agent was told what a person had left for it."""
    run.notes += (ToldNote(task=event.task, by=event.by, text=event.text, at=moment(run.now)),)
    run.tell(f"{event.task} is told by {one_line(event.by, 100)}: {one_line(event.text, 200)}")


def begin_start(run: Standings, start: Start) -> bool:
    """A task has got a slot: it starts at once where nothing has to be merged for it. Whether it keeps the slot."""
    if start.job.id in run.reviews_of:
        return begin_review_start(run, start)
    task, standing = start.job.id, run.tasks[start.job.id]
    if waits := tuple(run.waits_before_start(task)):
        run.add_waits(task, *waits)
        return False
    if standing.repair is not None:
        _start(run, task, start.agent, standing.repair.onto, standing.rests_on)
        return True
    resting = run.resting(task)
    if (standing.feedback or standing.remarks) and standing.commit and not run.facts[task].is_command:
        # What was rejected is where an agent goes on, unless that rests on what is not to land; a command begins as it
        # did before.
        if (resting, run.commits_of(resting)) == (standing.rests_on, standing.grounds):
            _start(run, task, start.agent, standing.commit, resting)
            return True
        if not standing.stays:
            run.put_aside(task, restore=False)
            run.block(run.dispatcher.requeue(task, now=run.now))
            return False
    commits = _commits(run, task, resting)
    if not commits:
        _start(run, task, start.agent, start_of(run), resting)
    else:
        run.put(task, status=Preparing(start.agent, resting, commits))
        run.order(PrepareStart(task, commits))
    return True


def _commits(run: Standings, task: str, resting: tuple[str, ...]) -> tuple[str, ...]:
    """What is merged for it to start from."""
    onto = [run.tip] if task in run.onto_tip and run.tip else []
    return (*onto, *run.commits_of(resting))


def start_prepared(run: Standings, event: StartPrepared) -> None:
    """It starts, unless what it would start from has changed meanwhile."""
    preparing = _preparing(run, event.task)
    if preparing is not None:
        _start(run, event.task, preparing.agent, event.commit, preparing.rests_on)


def start_conflicted(run: Standings, event: StartConflicted) -> None:
    """Needs that conflict are for the next batch to settle, where none has done so already."""
    preparing = _preparing(run, event.task)
    if preparing is None:
        return
    if event.inside_tip and run.tip:
        _start(run, event.task, preparing.agent, run.tip, preparing.rests_on)
        return
    run.add_waits(event.task, ConflictWait(event.paths, preparing.rests_on))
    run.tell(f"waits, what it needs conflicts in {', '.join(event.paths)}", about=event.task)


def _preparing(run: Standings, task: str) -> Preparing | None:
    """The start that was ordered, if it is still wanted as it was; else the slot is given back."""
    standing = run.tasks.get(task)
    if standing is None or not isinstance(standing.status, Preparing):
        return None
    if run.stopping:
        run.put(task, status=Cancelled(CANCELLED))
        run.dispatcher.finish(task, now=run.now, ok=False)
        return None
    preparing, resting = standing.status, run.resting(task)
    same = resting == preparing.rests_on and _commits(run, task, resting) == preparing.commits
    # A person may have taken base off the branch again while this was prepared.
    waits = takes_base_in(run) or any(True for _ in run.waits_before_start(task)) or _rests(run, task, preparing.agent)
    if same and not waits and run.paused_at is None and run.needs_are_met(task):
        return preparing
    run.put(task, status=Waiting())
    run.block(run.dispatcher.requeue(task, now=run.now))
    return None


def _rests(run: Standings, task: str, agent: str) -> bool:
    """Whether the agent that was to do it may not start any more."""
    return not run.facts[task].is_command and run.rests.rests(agent.rpartition("-")[0], run.now)


def _start(run: Standings, task: str, agent: str, start: str, resting: tuple[str, ...]) -> None:
    facts, standing = run.facts[task], run.tasks[task]
    newest = {name: run.contracts[name].newest for name in facts.contracts}
    agreements = tuple(Agreement(name, record.version) for name, record in newest.items() if record)
    before = [need for group in facts.needs for need in group] + ([task] if standing.repair else [])
    run.order(
        StartWork(
            task=task,
            agent=agent,
            number=standing.starts + 1,
            start=start,
            expected=standing.commit,
            repair=standing.repair,
            agreements=agreements,
            informants=tuple(_informant(run, source) for source in facts.information),
            rejections=standing.feedback,
            after=tuple(dict.fromkeys((*before, *facts.information))),
            tried=standing.tried,
            remarks=standing.remarks,
        )
    )
    run.put(
        task,
        status=Working(agent, run.now, start, standing.starts + 1),
        starts=standing.starts + 1,
        outdated=False,
        agent=agent,
        rests_on=resting,
        grounds=standing.grounds if standing.repair else run.commits_of(resting),
        built_on={agreement.contract: agreement.version for agreement in agreements},
    )
    role = agent.rpartition("-")[0]
    helps = "" if role == facts.role else f" in place of {facts.role}"
    does = "repairs it" if standing.repair else "answers its review" if standing.remarks else "starts"
    run.tell(f"{agent} {does}{helps}", about=task)


def _informant(run: Standings, source: str) -> Informant:
    """What a task can be told of another now."""
    standing, work = run.tasks.get(source), run.outside.get(source)
    outputs = run.facts[source].outputs if standing else run.manifest.outputs.get(source, ())
    if standing is None and work is None:
        why = f"{source} is not part of this run and has not been done before: start without it."
        return Informant(source, None, outputs, why)
    commit = standing.commit if standing else work.commit if work else None
    if commit or standing is None or isinstance(standing.status, Landed):
        return Informant(source, commit, outputs, "")
    return Informant(source, None, outputs, f"{source} has nothing to show ({_word(run, source)}): start without it.")


def _word(run: Standings, task: str) -> str:
    """How a task without a commit came to have none."""
    status, lost = run.tasks[task].status, run.dispatcher.lost_to(task)
    if isinstance(status, Waiting):
        return "pending" if lost is None else "blocked"
    return _WITHOUT_WORK.get(type(status), "running")


def work_ended(run: Standings, event: WorkEnded) -> None:
    """A task is over: its branch is ready for a batch, or it goes again, or it has failed."""
    standing = run.tasks.get(event.task)
    if standing is None or not isinstance(standing.status, Working):
        return
    if event.number not in (0, standing.status.number):
        return
    past = run.manifest.past.get(event.task)
    status, repair, done = standing.status, standing.repair, isinstance(event.result, WorkDone)
    tries = max(standing.tries, (past.tries if past else 0) + event.tries)
    tried = standing.tried + tries - standing.tries
    number, began = repair.number if repair else 0, moment(status.since)
    span = Span(started_at=began, ended_at=run.moment, repair=number, ok=done, agent=status.agent)
    standing = run.put(
        event.task,
        spans=standing.spans if isinstance(event.result, WorkUnprepared) else (*standing.spans, span),
        tries=tries,
        tried=0,
        usage=usage_of((*((past.usage,) if past else ()), event.usage)) if event.usage else standing.usage,
        spent=added(past.spent if past else {}, event.spent) if event.spent else standing.spent,
        repair=None,
        stays=False,
    )
    run.salvage = tuple(dict.fromkeys((*run.salvage, *event.salvage)))
    # What an account gives or refuses counts also where the work itself does not.
    if isinstance(event.result, WorkDone) and not run.facts[event.task].is_command:
        run.rests.succeed(status.agent.rpartition("-")[0], run.now)
    if isinstance(event.result, WorkRefused) and not run.stopping:
        refused(run, status.agent, event.result, worked=run.now - status.since)
    if status.stale and not run.stopping:
        _again(run, event.task, event.result.commit if isinstance(event.result, WorkDone) else None)
    elif isinstance(event.result, WorkDone):
        _done(run, event.task, event.result, status)
    elif isinstance(event.result, WorkStopped) or run.stopping:
        run.put(event.task, status=Cancelled(why_stopped(run)))
        run.tell("cancelled", about=event.task, reason=why_stopped(run))
        run.block(run.dispatcher.finish(event.task, now=run.now, ok=False))
    elif isinstance(event.result, WorkPutOff):
        run.put(event.task, status=Waiting(), repair=repair, tried=tried)
        goes_on = "its role" if run.rests.rests(status.agent.rpartition("-")[0], run.now) else "the run"
        run.tell(f"another try waits until {goes_on} goes on", about=event.task, reason=event.result.reason or None)
        run.block(run.dispatcher.requeue(event.task, now=run.now, worked=True))
    elif isinstance(event.result, WorkRefused):
        run.put(event.task, status=Waiting(), repair=repair, tried=tried)
        run.block(run.dispatcher.requeue(event.task, now=run.now, worked=True))
    elif isinstance(event.result, WorkUnprepared):
        _unprepared(run, event.task, event.result, is_repair=repair is not None)
    else:
        _failed(run, event.task, event.result, repair)


def why_stopped(run: Standings) -> str:
    """Why what had not ended by then was cancelled."""
    return run.stopping.reason if run.stopping and run.stopping.broken else CANCELLED


def _again(run: Standings, task: str, commit: str | None) -> None:
    """A contract changed while it ran: its work is put aside, and it starts anew."""
    run.put(task, commit=commit or run.tasks[task].commit)
    blocked = run.dispatcher.requeue(task, now=run.now, worked=True)
    if run.tasks[task].commit:
        run.put_aside(task, restore=False)
    else:
        run.put(task, status=Waiting())
    run.tell("goes again, its contract has changed", about=task)
    run.block(blocked)


def _done(run: Standings, task: str, result: WorkDone, status: Working) -> None:
    commit, told = result.commit or run.tasks[task].commit, run.tasks[task].feedback
    if commit is not None and must_be_reviewed(run, task, commit):
        _finish_unread(run, task, commit, result)
        return
    run.put(task, remarks=None)
    run.dispatcher.finish(task, now=run.now, ok=True)
    if commit is None:
        run.put(task, status=Landed(), feedback=())
        run.tell("done, nothing to land", about=task)
    else:
        run.put(task, status=Built(run.run_time), commit=commit, feedback=())
        many = "" if result.changed == 1 else "s"
        run.tell(f"done, {result.changed} file{many} changed", about=task)
    for name in run.facts[task].writes:
        content = result.contents.get(name, "")
        written(run, name, owner=task, commit=commit or status.start, content=content, told=told)


def _finish_unread(run: Standings, task: str, commit: str, result: WorkDone) -> None:
    """It counts once it was read; where the run is being stopped, by the next one."""
    if run.stopping:
        run.put(task, status=Cancelled(why_stopped(run)), commit=commit)
        run.block(run.dispatcher.finish(task, now=run.now, ok=False))
        return
    many = "" if result.changed == 1 else "s"
    run.tell(f"done, {result.changed} file{many} changed, and waits for its review", about=task)
    begin_review(run, task, commit, contents=result.contents)


def _failed(run: Standings, task: str, result: WorkFailed, repair: RepairOrder | None) -> None:
    run.environment |= result.environment
    if repair is None and run.tasks[task].remarks and run.tasks[task].commit:
        answer_failed(run, task, result.reason)
        return
    withdraw_questions(run, task)
    if repair is None:
        run.put(task, status=Failed(result.reason))
        run.tell("failed", about=task, reason=result.reason)
    else:
        reason = f"rejected, and the repair failed: {result.reason}"
        run.put(task, status=Rejected(reason))
        run.tell("held", about=task, reason=reason)
    run.block(run.dispatcher.finish(task, now=run.now, ok=False))


def _unprepared(run: Standings, task: str, result: WorkUnprepared, *, is_repair: bool) -> None:
    """No agent began: nobody is blamed, and a repair that was ordered is ordered anew in the next run."""
    run.unprepared = tuple(dict.fromkeys((*run.unprepared, result.reason)))
    withdraw_questions(run, task)
    status = Rejected(f"rejected, and {_UNPREPARED}") if is_repair else Impossible(_UNPREPARED)
    run.put(task, status=status, agent=None)
    run.tell("held" if is_repair else "blocked", about=task, reason=status.reason)
    run.block(run.dispatcher.finish(task, now=run.now, ok=False))


def branch_put_aside(run: Standings, event: BranchPutAside) -> None:
    """Old work is out of the way, and the task goes again; or it could not be moved."""
    standing = run.tasks.get(event.task)
    wait = standing.wait_of(AsideWait) if standing else None
    if standing is None or wait is None or event.number not in (0, wait.number):
        return
    run.end_waits(AsideWait, task=event.task)
    if event.refused is None:
        if event.kept:
            run.tell(f"its old work is kept at {event.kept}", about=event.task)
        run.put(event.task, commit=None, stays=False, outdated=False)
        withdraw_questions(run, event.task)
        started_anew(run, event.task, alone=not wait.restore)
        return
    run.tell(f"its old work stays where it is, and cannot be done again: {event.refused}", about=event.task)
    # What a person has rejected meanwhile does not stand again.
    restore = wait.restore and not standing.feedback
    run.put(event.task, stays=not restore)
    if not restore:
        started_anew(run, event.task, alone=True)
    elif isinstance(standing.status, Waiting):
        _restore(run, event.task, wait)


def _restore(run: Standings, task: str, wait: AsideWait) -> None:
    if not wait.built:
        run.put(task, repair=wait.repair)
        return
    if run.dispatcher.state_of(task) is not TaskState.CANCELLED:
        run.dispatcher.settle(task, now=run.now)
    run.put(task, status=Built(run.run_time))
