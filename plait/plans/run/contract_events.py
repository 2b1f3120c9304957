"""What an owner's work and a person's answer make of contracts, and of whoever rests on them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from plait.plans.journal.effects import AskPerson, CloseQuestion, WriteRecord
from plait.plans.journal.events import RecordsRead, RecordWritten
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import (
    ApprovalWait,
    AsideWait,
    Built,
    Impossible,
    LandsByHand,
    Preparing,
    Waiting,
    Working,
)
from plait.plans.tasks.outcomes import Approval
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.states import TaskState
from plait.plans.wording import approve_command, listed

ROUNDS = 5
"""How often a record is written again because a person has just answered."""


def take_up_contracts(run: Standings) -> None:
    """What earlier runs finished, agreed on and left waiting."""
    for name, standing in tuple(run.contracts.items()):
        owner, last = standing.contract.owner or "", standing.newest
        work = run.manifest.earlier.get(owner)
        if owner in run.manifest.sent_back and owner in run.tasks and last and last.status == "rejected":
            _give_reason(run, owner, last)
        elif owner in run.mending or owner in run.kept_out or run.is_unread(owner):
            continue  # it is written once the repair is taken, or the work approved
        elif work and not (work.commit is None and last and last.status == "approved"):
            commit, content = work.at or run.manifest.base, work.contents.get(name, "")
            written(run, name, owner=owner, commit=commit, content=content)


def written(run: Standings, name: str, *, owner: str, commit: str, content: str, told: Collection[str] = ()) -> None:
    """A task has finished, for the first time or again: what it owns is approved, or waits for a person.

    What a person has rejected meanwhile, and its agent was not `told`, goes back with that.
    """
    standing = run.contracts[name]
    last = standing.newest
    if last and last.status == "rejected" and last.content == content and last.rejection not in told:
        run.put_contract(replace(standing, asks=owner))
        run.renew_waits()
        _send_back(run, owner)
        return
    draft = standing.drafted(owner, commit, content)
    run.put_contract(replace(standing, writing=draft, asks=None))
    if draft is not None:
        run.order(WriteRecord(draft.record))
    elif standing.newest is not None:
        _in_git(run, name, owner, standing.newest)


def record_written(run: Standings, event: RecordWritten) -> None:
    """A version is in git as it was decided."""
    record = event.record
    standing = run.contracts.get(record.contract)
    if standing is None:
        return
    draft = standing.writing
    if draft is None or replace(draft.record, oid=record.oid) != record:
        return  # something else is being written by now: git says then what is so
    run.put_contract(standing.with_record(record))
    if record.status == "approved":
        run.tell(f"contract {record.contract} v{record.version}: approved by {record.by}")
    _in_git(run, record.contract, draft.owner, record)


def records_read(run: Standings, event: RecordsRead) -> None:
    """A person has answered, or was quicker than us with one that is being written."""
    known = {name: contract.newest for name, contract in run.contracts.items()}
    for name, records in event.records.items():
        if name in run.contracts:
            run.put_contract(replace(run.contracts[name], records=records))
    if event.refused in run.contracts:
        _write_again(run, event.refused)
    for name, standing in tuple(run.contracts.items()):
        owner, last = run.contracts[name].asks, standing.newest
        if last is None:
            continue
        if owner is None:  # nobody is asked, or another contract of the same owner was rejected before
            if last != known[name]:
                _give_reason_late(run, standing.contract.owner or "", last)
        elif last.status == "approved":
            run.tell(f"contract {name} v{last.version}: approved by {last.by}")
            _let_go(run, name, owner)
        elif last.status == "rejected":
            _send_back(run, owner)


def _write_again(run: Standings, name: str) -> None:
    standing = run.contracts[name]
    draft = standing.writing
    if draft is None:
        return
    if draft.rounds >= ROUNDS:
        run.trouble = f"the contract {name} is being answered again and again: run it once more"
        run.put_contract(replace(standing, writing=None))
        return
    again = standing.drafted(draft.owner, draft.commit, draft.content, rounds=draft.rounds + 1)
    run.put_contract(replace(standing, writing=again))
    if again is not None:
        run.order(WriteRecord(again.record))
    elif standing.newest is not None:
        _in_git(run, name, draft.owner, standing.newest)


def _in_git(run: Standings, name: str, owner: str, record: Record) -> None:
    """What git says now: who rests on an older version goes again; a draft waits for a person."""
    _redo_consumers(run, name, record.version)
    if record.status == "draft":
        _wait_for_person(run, name, owner, record)
    run.renew_waits()


def _wait_for_person(run: Standings, name: str, owner: str, draft: Record) -> None:
    """Nothing that needs the owner starts, and nothing of it lands, until a person has said yes."""
    run.put_contract(replace(run.contracts[name], asks=owner))
    run.renew_waits()
    held = run.waiting_for(ApprovalWait(name))
    named = (one for one in run.approvals if one.contract == name and not one.is_work)
    open_question = next((one for one in named if one.answered_at is None), None)
    if open_question is None or open_question.version != draft.version:
        _close_approvals(run, name)
        asked = Approval(contract=name, version=draft.version, owner=owner, asked_at=run.moment)
        run.approvals = (*run.approvals, asked)
    run.order(AskPerson(draft))
    also = f", and with it {listed(held, limit=None)}" if held else ""
    command = approve_command(run.manifest.feature, name)
    run.tell(f"contract {name} v{draft.version} by {owner} waits for a person{also}: {command}")


def _close_approvals(run: Standings, name: str) -> None:
    run.approvals = tuple(
        asked.model_copy(update={"answered_at": run.moment})
        if asked.contract == name and asked.answered_at is None and not asked.is_work
        else asked
        for asked in run.approvals
    )


def _settle_question(run: Standings, name: str) -> None:
    """Nobody is asked about a contract any more."""
    standing = run.contracts[name]
    run.put_contract(replace(standing, asks=None))
    _close_approvals(run, name)
    run.order(CloseQuestion(name, standing.newest))


def _let_go(run: Standings, name: str, owner: str) -> None:
    """What waited for a contract goes on; once its owner waits for no other one, its work may land."""
    _settle_question(run, name)
    standing = run.tasks.get(owner)
    if owner not in run.unapproved and standing and isinstance(standing.status, Built):
        run.put(owner, status=Built(run.run_time))


def withdraw_questions(run: Standings, owner: str) -> None:
    """Nobody is asked any more about what an owner has written: it goes again, or has failed."""
    for name in [name for name, contract in run.contracts.items() if contract.asks == owner]:
        _settle_question(run, name)


def _give_reason(run: Standings, owner: str, rejected: Record) -> None:
    run.put(owner, feedback=tuple(dict.fromkeys((*run.tasks[owner].feedback, rejected.rejection))))


def _give_reason_late(run: Standings, owner: str, last: Record) -> None:
    """An owner that goes again for another reason, and has not started yet, is told of this one as well."""
    standing = run.tasks.get(owner)
    if last.status == "rejected" and standing and isinstance(standing.status, Waiting | Preparing):
        _give_reason(run, owner, last)


def _send_back(run: Standings, owner: str) -> None:
    """The owner gets its work back, with what the person said; when it cannot, its consumers are given up."""
    asked = [name for name, contract in run.contracts.items() if contract.asks == owner]
    newest = (run.contracts[name].newest for name in asked)
    rejected = [record for record in newest if record is not None and record.status == "rejected"]
    if owner not in run.tasks:
        _give_up(run, owner, asked, rejected[0])
        return
    withdraw_questions(run, owner)
    for record in rejected:
        _give_reason(run, owner, record)
    standing = run.tasks[owner]
    if run.dispatcher.state_of(owner) is not TaskState.DONE:
        return  # it is at work again already, for another reason
    blocked = run.dispatcher.reopen(owner, now=run.now)
    if standing.commit and run.facts[owner].is_command:
        run.put_aside(owner, restore=False)  # an agent goes on from what was rejected, a command starts as before
    else:
        run.put(owner, status=Waiting())
    names = listed([record.contract for record in rejected], limit=None)
    run.tell(f"{rejected[0].by} rejected {names}, it goes back", about=owner)
    run.block(blocked)


def _give_up(run: Standings, owner: str, names: Iterable[str], rejected: Record) -> None:
    """Nobody of this run can write a rejected contract anew: what waits for it is blocked, all else goes on."""
    reason = f"the contract {rejected.contract} was rejected, and {owner}, which writes it, is not part of this run"
    names = tuple(names)
    for task in dict.fromkeys(task for name in names for task in run.waiting_for(ApprovalWait(name))):
        run.put(task, status=Impossible(reason))
        run.tell("blocked", about=task, reason=reason)
        run.lose(task)
    for name in names:
        _settle_question(run, name)


# Work that rests on an old version is done again, and with it whatever rests on that work.


def _redo_consumers(run: Standings, name: str, version: int) -> None:
    standing = run.contracts[name]
    outdated = [task for task in standing.contract.consumers if _built_on(run, task).get(name, version) < version]
    affected = _with_what_rests_on(run, outdated)
    _keep_out(run, {*outdated, *affected})
    redone = [task for task in affected if _take_back(run, task)]
    for task in redone:
        run.tell(f"done again, the contract {name} is version {version} now", about=task)
    if redone:
        run.put_contract(standing.with_redone(version, redone))


def _built_on(run: Standings, task: str) -> Mapping[str, int]:
    """The versions of contracts that the work of a task rests on."""
    if task in run.tasks:
        return run.tasks[task].built_on
    return run.outside[task].built_on if task in run.outside else {}


def _with_what_rests_on(run: Standings, tasks: Iterable[str]) -> list[str]:
    """These tasks of the run, and all whose work contains theirs, each after what it rests on."""
    affected = dict.fromkeys(task for task in tasks if task in run.tasks)
    causes = list(affected)
    for cause in causes:
        more = [task for task, one in run.tasks.items() if cause in one.rests_on and task not in affected]
        affected |= dict.fromkeys(more)
        causes += more
    return list(affected)


def _keep_out(run: Standings, causes: set[str]) -> None:
    """What is not part of this run cannot go again in it: resting on any of these, it does not land with others."""
    while more := {task for task, work in run.outside.items() if causes.intersection(work.rests_on)} - causes:
        causes |= more
    run.kept_out |= {task for task in causes if task in run.outside and not run.outside[task].landed}


def started_anew(run: Standings, anew: str, *, alone: bool) -> None:
    """A task's work was put aside: what it makes next does not descend from that, so what rests on it must not land.

    `alone`: what rests on it was not taken back together with it, and is now.
    """
    affected = [task for task in _with_what_rests_on(run, [anew]) if task != anew]
    standing = {task for task in affected if isinstance(run.tasks[task].status, Built | LandsByHand)}
    # Those on the way out come back if their branch cannot be moved: they are kept out until it was.
    run.kept_out = run.kept_out.difference({anew}).union(standing, set(affected).intersection(run.waiters(AsideWait)))
    _keep_out(run, {anew, *affected})
    for task in affected if alone else ():
        if _take_back(run, task):
            run.tell(f"done again, {anew} starts anew", about=task)


def redo_outdated(run: Standings, task: str) -> None:
    """A person has mended work that rests on what was done anew meanwhile: it goes again, as all that does."""
    if run.tasks[task].outdated and _take_back(run, task):
        run.tell("done again, what it rests on was done anew", about=task)


def _take_back(run: Standings, task: str) -> bool:
    """Whether it had started, and goes again."""
    standing = run.tasks[task]
    if isinstance(standing.status, Working):
        run.put(task, status=replace(standing.status, stale=True))
        return True
    if run.drop_review(task):
        run.put_aside(task, restore=False)
        run.tell("goes again", about=task)
        return True
    built = isinstance(standing.status, Built | LandsByHand)
    if not built and not (isinstance(standing.status, Waiting) and standing.repair and task not in run.mending):
        run.put(task, outdated=standing.commit is not None)
        return False
    blocked = run.dispatcher.reopen(task, now=run.now) if built else []
    run.put_aside(task, restore=True)
    run.tell("goes again", about=task)
    run.block(blocked)
    return True
