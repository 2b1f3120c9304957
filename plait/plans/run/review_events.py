"""What reviews make of a run: finished work waits for its reviewer, goes back to its author, or waits for a person."""

from collections.abc import Mapping
from dataclasses import replace

from plait.plans.journal.effects import StartReview, WriteReview
from plait.plans.journal.events import ReviewAnswered, ReviewEnded, ReviewMissing, ReviewSaid, WorkRefused, WorkStopped
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.account_events import refused
from plait.plans.run.contract_events import redo_outdated, written
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Built, Cancelled, Rejected, UnderReview
from plait.plans.schedule.dispatch import Start
from plait.plans.tasks.outcomes import Approval
from plait.plans.tasks.reviews import MISSED, ReviewRecord, ReviewRemarks, ReviewStatus, review_job
from plait.plans.tasks.states import TaskState
from plait.plans.wording import approve_command, one_line

_SPELLED = 200
"""Characters of findings that are told in a line."""


def must_be_reviewed(run: Standings, task: str, commit: str | None) -> bool:
    """Whether work counts as finished only once somebody has read it: what changed nothing is not read."""
    refresh = run.manifest.refresh
    if run.facts[task].reviewer is None or commit is None or (refresh is not None and refresh.task == task):
        return False
    return run.tasks[task].approved != commit


def begin_review(
    run: Standings,
    task: str,
    commit: str,
    *,
    contents: Mapping[str, str],
) -> None:
    """Let a task's work be read: nothing starts from it, and it joins no batch, until that has ended well.

    Its author gives its slot back, if it has one.
    """
    standing = run.tasks[task]
    review = UnderReview(commit, contents=contents, told=standing.feedback)
    run.wait_for_review(task, review)
    if commit == standing.commit and standing.remarks is not None:
        _ask(run, task, f"{_author(run, task)} has changed nothing", standing.remarks.findings)
    run.put(task, commit=commit, feedback=(), remarks=None, repair=None)


def remember_reviews(run: Standings) -> None:
    """What reviewers and persons have said in earlier runs, as git says."""
    for task, record in run.manifest.reviews.items():
        if task not in run.tasks:
            continue
        agent, person = ("", record.by) if record.is_person else (record.by, "")
        run.put(
            task,
            approved=(record.commit if record.status == "approved" else record.approved) or None,
            reviews=record.rounds,
            score=record.score,
            reviewed_by=agent,
            person=person if record.status == "approved" else "",
        )


def take_up_reviews(run: Standings, works: Mapping[str, EarlierWork]) -> None:
    """What earlier runs finished and nobody has approved is read, goes back, or waits for a person, as git says."""
    for task, work in works.items():
        record, rounds = run.manifest.reviews.get(task), run.facts[task].review_rounds
        there = all(need in run.tasks or need in run.outside for need in work.rests_on)
        grounds = run.commits_of(work.rests_on) if there and not work.behind else ()
        run.put(task, commit=work.commit, rests_on=work.rests_on, built_on=work.built_on, grounds=grounds)
        review = UnderReview(work.commit or "", contents=work.contents)
        said = record if record is not None and record.commit == work.commit else None
        if said is not None and said.status == "rejected" and _goes_back(run, task, said, rounds):
            _send_back(run, task, by=said.by, findings=said.reason, score=said.score)
            continue
        run.wait_for_review(task, review)
        run.tell("finished by an earlier run, and not approved yet", about=task)
        if said is not None:
            _ask(run, task, said.reason or "it was sent back", "")


def _goes_back(run: Standings, task: str, record: ReviewRecord, rounds: int) -> bool:
    return run.facts[task].may_answer and (record.is_person or record.rounds <= rounds)


def begin_start(run: Standings, start: Start) -> bool:
    """A review has got a slot: it starts, if it is still wanted. Whether it keeps the slot."""
    task = run.reviews_of[start.job.id]
    review = run.reviewing.get(task)
    if review is None or not review.is_due:
        run.dispatcher.requeue(start.job.id, now=run.now)
        return False
    number, standing = run.next_review(), run.tasks[task]
    run.reviews_at_work[number] = (task, start.agent, run.now)
    run.reviewing[task] = replace(review, number=number, agent=start.agent, since=run.now)
    record = run.manifest.reviews.get(task)
    before = standing.findings or (record.reason if record is not None and record.status == "rejected" else "")
    effect = StartReview(task, start.agent, number, review.commit, standing.approved, standing.reviews + 1, before)
    run.order(effect)
    run.tell(f"{start.agent} reviews it", about=task)
    return True


def review_ended(run: Standings, event: ReviewEnded) -> None:
    """A reviewer gives its slot back; what it says counts where the work is still what it has read."""
    at_work = run.reviews_at_work.pop(event.number, None)
    if at_work is None:
        return
    task, agent, since = at_work
    run.dispatcher.requeue(review_job(task), now=run.now, worked=True)
    if event.usage is not None:
        run.put(task, review_usage=event.usage)
    if not isinstance(event.result, WorkRefused | WorkStopped | ReviewMissing):
        run.rests.succeed(agent.rpartition("-")[0], run.now)
    if isinstance(event.result, WorkRefused) and not run.stopping:
        refused(run, agent, event.result, worked=run.now - since)
    review = run.reviewing.get(task)
    if review is None or review.number != event.number:
        return  # the work was taken back meanwhile
    run.reviewing[task] = review = replace(review, agent="")
    match event.result:
        case ReviewSaid() as said:
            _hear(run, task, review, said, agent)
        case WorkRefused():
            pass  # it is read once the account works again: no verdict is missed
        case WorkStopped() if run.stopping:
            pass
        case result:
            reason = result.reason if isinstance(result, ReviewMissing) else "it was stopped"
            _miss(run, task, reason)


def _hear(run: Standings, task: str, review: UnderReview, said: ReviewSaid, agent: str) -> None:
    standing = run.tasks[task]
    rounds = standing.reviews + (0 if said.approves else 1)
    run.put(task, reviews=rounds, read=standing.read + 1, score=said.score, reviewed_by=agent, findings=said.findings)
    status: ReviewStatus = "approved" if said.approves else "rejected"
    record = ReviewRecord(task, review.commit, status, rounds, agent, score=said.score, reason=said.findings)
    record = replace(record, approved=review.commit if said.approves else standing.approved or "")
    if said.approves:
        run.order(WriteReview(record))
        run.tell(f"approved by {agent}, with {said.score:g} of 10", about=task)
        _accept(run, task, review)
    elif run.facts[task].may_answer and rounds <= run.facts[task].review_rounds:
        run.order(WriteReview(record))
        run.tell(f"{agent} sends it back, with {said.score:g} of 10", about=task, reason=_in_a_line(said.findings))
        _send_back(run, task, by=agent, findings=said.findings, score=said.score)
    else:
        times = f" for the {rounds}. time" if rounds > 1 else ""
        _ask(run, task, f"{agent} has sent it back{times}, with {said.score:g} of 10", said.findings)


def _miss(run: Standings, task: str, reason: str) -> None:
    review = run.reviewing[task]
    run.reviewing[task] = review = replace(review, missed=review.missed + 1)
    if review.missed < MISSED:
        run.tell("there was no verdict, its review is tried again", about=task, reason=_in_a_line(reason))
    else:
        _ask(run, task, f"{MISSED} reviews gave no verdict: {one_line(reason, _SPELLED)}", "")


def ask_persons_instead(run: Standings) -> bool:
    """Ask persons about all work whose reviewers rest, when the run has waited for those in vain; whether there is any.

    Work is never approved because nobody could read it.
    """
    found = False
    for task, review in tuple(run.reviewing.items()):
        role = run.facts[task].reviewer or ""
        if review.is_due and not run.stopping and run.rests.rests(role, run.now) and run.is_wanted(task):
            _ask(run, task, f"its reviewer {role} gives nothing more", "")
            found = True
    return found


def _ask(run: Standings, task: str, why: str, findings: str) -> None:
    """A person decides: the run waits for that."""
    review, standing = run.reviewing[task], run.tasks[task]
    run.reviewing[task] = replace(review, asks=one_line(why, 2 * _SPELLED))
    reason = f"{why}\n\n{findings}" if findings else why
    run.order(
        WriteReview(
            ReviewRecord(
                task,
                review.commit,
                "waiting",
                standing.reviews,
                standing.reviewed_by,
                score=standing.score,
                reason=reason,
                approved=standing.approved or "",
            )
        )
    )
    asked = Approval(contract=task, version=standing.reviews, owner=task, asked_at=run.moment, is_work=True)
    run.approvals = (*run.approvals, asked)
    command = approve_command(run.manifest.feature, task)
    run.tell(f"waits for a person: {command}", about=task, reason=_in_a_line(why))


def review_answered(run: Standings, event: ReviewAnswered) -> None:
    """A person has approved what waits for that, or has sent it back."""
    review = run.reviewing.get(event.task)
    if review is None or not review.asks or review.commit != event.commit:
        return
    run.close_question(event.task, f"{'approved' if event.approves else 'sent back'} by {event.by}")
    if event.approves:
        run.put(event.task, person=event.by)
        run.tell(f"approved by {event.by}", about=event.task)
        _accept(run, event.task, review)
        return
    run.tell(f"{event.by} sends it back", about=event.task, reason=_in_a_line(event.reason))
    if run.facts[event.task].may_answer:
        _send_back(run, event.task, by=event.by, findings=event.reason, score=None)
    else:
        del run.reviewing[event.task]
        run.put(event.task, status=Rejected(f"{event.by} rejected it: {one_line(event.reason, _SPELLED)}"))
        if run.dispatcher.state_of(event.task) is not TaskState.FAILED:
            run.lose(event.task)


def answer_failed(run: Standings, task: str, reason: str) -> None:
    """The author could not answer: what it had made before stands, and a person decides about that."""
    standing = run.tasks[task]
    findings = standing.remarks.findings if standing.remarks else ""
    run.wait_for_review(task, UnderReview(standing.commit or ""))
    run.put(task, remarks=None)
    _ask(run, task, f"{_author(run, task)} gave no answer to a review: {one_line(reason, _SPELLED)}", findings)


def _accept(run: Standings, task: str, review: UnderReview) -> None:
    """It counts as finished now."""
    del run.reviewing[task]
    run.put(task, approved=review.commit)
    state = run.dispatcher.state_of(task)
    if state is TaskState.CANCELLED:
        run.put(task, status=Cancelled("the run was cancelled"))
        return
    run.dispatcher.settle(task, now=run.now)
    run.put(task, status=Built(run.run_time), feedback=())
    for name in run.facts[task].writes:
        content = review.contents.get(name, "")
        written(run, name, owner=task, commit=review.commit, content=content, told=review.told)
    redo_outdated(run, task)


def approve_persons_own(run: Standings, task: str, commit: str, by: str) -> bool:
    """Whether what a person put above approved work is approved by that: they have read what they wrote."""
    standing = run.tasks[task]
    if standing.approved is None or standing.approved != standing.commit or run.facts[task].foreign is not None:
        return False
    run.put(task, approved=commit, person=by)
    record = ReviewRecord(task, commit, "approved", standing.reviews, by, is_person=True, approved=commit)
    run.order(WriteReview(record))
    return True


def _send_back(run: Standings, task: str, *, by: str, findings: str, score: float | None) -> None:
    """Its author starts on its own commit, with what was found."""
    run.reviewing.pop(task, None)
    remarks = ReviewRemarks(run.tasks[task].answers + 1, by, findings, score)
    run.put(task, remarks=remarks, answers=remarks.number)


def _author(run: Standings, task: str) -> str:
    return run.tasks[task].agent or "its author"


def _in_a_line(text: str) -> str | None:
    return one_line(text, _SPELLED) or None
