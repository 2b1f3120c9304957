"""When a batch forms from finished branches, and what its end makes of them."""

from collections.abc import Sequence

from plait.plans.journal.effects import StartBatch
from plait.plans.journal.events import BatchBroken, BatchDone, BatchEnded, BatchSettled, BatchStopped, TipMoved
from plait.plans.landing.batch_words import batch_words, rejection_words
from plait.plans.landing.batching import Due, FinishedBranch, NotYet, back_off, next_batch
from plait.plans.landing.landing_rules import LandingRules
from plait.plans.run.base_events import REFUSED, is_refused, start_of, takes_base_in
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Built, ConflictWait, Landed, LandsByHand, Rejected, Waiting, Working
from plait.plans.tasks.outcomes import BatchOutcome, BatchState
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate, Rework
from plait.plans.wording import listed


def form_batch(run: Standings) -> float | None:
    """Integrate when a batch is due; the time by which one is if nothing else happens (seconds since the epoch)."""
    if len(run.in_work) >= run.manifest.verifications or run.trouble is not None or run.by_hand is not None:
        return None
    if run.run_time < run.not_before:
        return run.clock_time(run.not_before)
    rules = run.rules
    # Nobody is waited for while a conflict keeps tasks from starting: a batch may settle it.
    hurry = bool(run.waiters(ConflictWait)) or takes_base_in(run)
    due = _due(run, rules, run.fit_to_land(rules), hurry=hurry)
    if isinstance(due, Due):
        _integrate(run, due.tasks, merge_only=False)
        return None
    parts = () if run.in_work else run.parts_to_merge(rules)
    if parts and isinstance(merge := _due(run, rules, parts, hurry=True), Due):
        run.merged |= {run.as_they_are(parts)}
        _integrate(run, merge.tasks, merge_only=True)
        return None
    return None if due.until is None else run.clock_time(due.until)


def _due(run: Standings, rules: LandingRules, tasks: Sequence[str], *, hurry: bool) -> Due | NotYet:
    """Whether a batch of these forms now (SEMANTICS, Batches); `hurry`: nobody who still works is waited for."""
    branches = [
        FinishedBranch(task, rules.built[task], rules.needs_of(task), run.facts[task].merge_priority) for task in tasks
    ]
    running = 0 if hurry or not branches else _waited_for(run, min(branch.at for branch in branches))
    busy = bool(run.in_work) or run.dispatcher.counts.get(TaskState.RUNNING, 0) > 0
    settings = run.manifest
    return next_batch(
        branches, running=running, busy=busy and not hurry, ready=settings.ready, wait=settings.wait, now=run.run_time
    )


def _waited_for(run: Standings, oldest: float) -> int:
    """How many agents were at work when the oldest branch was finished, and still are.

    Those that begin later are not waited for: where there is always work left, they would put a batch off for ever.
    """
    since = run.clock_time(oldest)
    working = (standing.status for standing in run.tasks.values() if isinstance(standing.status, Working))
    return sum(status.since <= since for status in working)


def _candidate(run: Standings, rules: LandingRules, task: str, behind: float) -> Candidate:
    """A finished branch as a batch takes it."""
    facts, standing, needs, carries = run.facts[task], run.tasks[task], rules.needs_of(task), rules.carried(task)
    known = (other for other in (*standing.rests_on, *needs, *carries) if other in run.tasks or other in run.outside)
    others = run.commits_of(known)
    return Candidate(
        task=task,
        tip=standing.commit or "",
        needs=needs,
        title=facts.title,
        ref=f"refs/heads/{facts.branch}",
        carries=carries,
        owns=facts.owns,
        locked=facts.locked,
        is_foreign=facts.foreign is not None,
        grounds=tuple(dict.fromkeys((*standing.grounds, *others))),
        is_base=run.manifest.refresh is not None and task == run.manifest.refresh.task,
        priority=facts.merge_priority,
        behind=behind,
        done=sum((span.ended_at - span.started_at).total_seconds() for span in standing.spans),
    )


def _integrate(run: Standings, tasks: Sequence[str], *, merge_only: bool) -> None:
    rules, number = run.rules, len(run.batches) + 1
    behind = run.dispatcher.behind
    branches = tuple(_candidate(run, rules, task, behind[task]) for task in tasks)
    order = BatchOrder(
        id=f"batch-{number}",
        run=run.manifest.run,
        branches=branches,
        date=f"{int(run.now)} +0000",
        groups=rules.groups_of(tasks),
        landed=run.landed,
        follows=next(reversed(run.in_work), None),
        ahead=tuple(sorted(run.taken)),
        merge_only=merge_only,
    )
    run.in_work[order.id] = order
    names = ", ".join(branch.task for branch in branches)
    begun = BatchOutcome(id=order.id, state=BatchState.VERIFYING, started_at=run.moment)
    run.put_batch(begun, says=f"{'merging' if merge_only else 'verifying'} {names}")
    run.order(StartBatch(order))


def batch_settled(run: Standings, event: BatchSettled) -> None:
    """What lands of a batch has landed: the next one need not wait until it is known why the rest did not."""
    order = run.in_work.pop(event.batch, None)
    if order is None:
        return
    run.explaining[order.id] = order
    tips = {branch.task: branch.tip for branch in order.branches}
    if event.landed:
        run.move_to(event.tip)
        _count_overtaken(run, order, overtaken=False)
    for task in event.landed:
        _landed(run, task, tips.get(task, ""), by_hand=False)
    run.carry(task for branch in order.branches if branch.task in event.landed for task in branch.carries)
    so_far = {"state": BatchState.SEARCHING, "landed": event.landed}
    run.put_batch(_known(run, order).model_copy(update=so_far), says="looks into why the others did not land")
    run.end_waits(ConflictWait)


def batch_ended(run: Standings, event: BatchEnded) -> None:
    """A batch is over: branches have landed, are handed back, or wait for the next one."""
    settled = run.explaining.pop(event.batch, None)
    order = settled or run.in_work.pop(event.batch, None)
    if order is None:
        return
    match event.result:
        case BatchDone(report):
            _take_over(run, order, report, settled=settled is not None)
        case BatchStopped() if is_refused(run) and not run.stopping:
            _cut_short(run, order, BatchState.CUT_SHORT, REFUSED, says="stopped, as base is red")
        case BatchStopped():
            _cut_short(run, order, BatchState.CUT_SHORT, "the run was cancelled before", says="cancelled")
        case BatchBroken(reason):
            run.environment, run.trouble = True, f"the integration broke: {reason}"
            _cut_short(run, order, BatchState.INFRASTRUCTURE, reason, says=run.trouble)
    run.end_waits(ConflictWait)


def _known(run: Standings, order: BatchOrder) -> BatchOutcome:
    """What is known of a batch in work."""
    return next(outcome for outcome in run.batches if outcome.id == order.id)


def _cut_short(run: Standings, order: BatchOrder, state: BatchState, reason: str, *, says: str) -> None:
    """A batch ended without a report: what it had landed before has landed all the same."""
    known = _known(run, order)
    some = f"landed {', '.join(known.landed)}" if known.landed else "nothing of it has landed"
    left = BatchState.PART_LANDED if known.landed else state
    so_far = {"state": left, "reason": reason, "ended_at": run.moment}
    run.put_batch(known.model_copy(update=so_far), says=f"{says}, {some}")


def _take_over(run: Standings, order: BatchOrder, report: BatchReport, *, settled: bool) -> None:
    """`settled`: what has landed of it was heard before, and other batches may have landed since."""
    outcome, tips = report.outcome, {branch.task: branch.tip for branch in order.branches}
    by_hand = outcome.state is BatchState.READY_TO_LAND
    if not settled:
        run.move_to(report.tip or run.tip)
        for task in outcome.landed:
            _landed(run, task, tips.get(task, ""), by_hand=by_hand)
        if run.waits_for_hand(outcome.landed):  # what of it goes again lands in another batch
            run.by_hand = report.land_by_hand or run.by_hand  # a batch behind it takes nothing back
        if not by_hand:
            run.carry(task for branch in order.branches if branch.task in outcome.landed for task in branch.carries)
    run.put_batch(outcome, says=batch_words(outcome))
    if not settled:  # an explanation says nothing of who moves the feature branch
        _count_overtaken(run, order, overtaken=report.overtaken)
    if report.overtaken and (seconds := back_off(run.overtaken)) is not None:
        run.not_before = run.run_time + seconds
        run.tell(f"{outcome.reason}; it is tried again in {seconds:.0f} s", about=order.id)
        return
    if judged := [no.task for no in outcome.rejected if no.kind == "base-red"]:
        # A plan whose checks test what it builds is red until enough of it is there.
        run.base_red |= {frozenset((task, tips.get(task)) for task in judged)}
        return
    if outcome.state is BatchState.INFRASTRUCTURE:
        run.trouble = outcome.reason or "the integration could not go on"
        run.environment |= outcome.state is BatchState.INFRASTRUCTURE and not report.overtaken
        return
    for rework in report.rework:
        if _is_as_it_was(run, rework.task, tips.get(rework.task, "")):
            _hand_back(run, rework, report)
    for held in outcome.held:
        if held.task in run.tasks and isinstance(run.tasks[held.task].status, Built):
            run.tell("held", about=held.task, reason=run.why_held(held.task, held.by))


def _count_overtaken(run: Standings, order: BatchOrder, *, overtaken: bool) -> None:
    """Count how often others were quicker: as many batches as one storm of pushes meets, it counts once."""
    if not overtaken:
        run.overtaken, run.overtaken_with = 0, frozenset()
    elif order.id not in run.overtaken_with:
        run.overtaken, run.overtaken_with = run.overtaken + 1, frozenset(run.in_work)


def tip_moved(run: Standings, event: TipMoved) -> None:
    """The feature branch is elsewhere: what is not on it any more lands again, as long as the run goes on."""
    run.move_to(event.tip)
    for task in event.landed:
        if task in run.tasks and isinstance(run.tasks[task].status, LandsByHand):
            run.put(task, status=Landed())
            run.tell("landed by its user", about=task)
    lost = [task for task in event.lost if task in run.tasks and isinstance(run.tasks[task].status, Landed)]
    for task in lost:
        run.put(task, status=Built(run.run_time))
    run.let_go(event.lost)
    if event.by_somebody:
        where = f"moved {run.manifest.branch} to {event.tip[:10]}" if event.tip else f"deleted {run.manifest.branch}"
        gone = (
            f": {listed(event.lost)} {'is' if len(event.lost) == 1 else 'are'} not on it any more" if event.lost else ""
        )
        lands = not (run.closed or run.stopping or run.trouble or run.by_hand)
        again = ", and will land again" if lost and lands else ""
        run.tell(f"somebody {where}{gone}{again}")
        if gone and run.closed:
            run.trouble = run.trouble or f"somebody {where}{gone}"


def _is_as_it_was(run: Standings, task: str, tip: str) -> bool:
    """Whether a branch is still what the batch got: work that was taken back meanwhile is not."""
    standing = run.tasks.get(task)
    return standing is not None and isinstance(standing.status, Built) and standing.commit == tip


def _landed(run: Standings, task: str, tip: str, *, by_hand: bool) -> None:
    if not _is_as_it_was(run, task, tip):
        # It goes again, for a new version of a contract, and its old work has landed: it starts on top of that.
        run.onto_tip |= {task}
    elif by_hand:
        run.put(task, status=LandsByHand())
    else:
        run.put(task, status=Landed())
        run.tell("landed", about=task)


def _hand_back(run: Standings, rework: Rework, report: BatchReport) -> None:
    """Order a repair from the role that made the branch, or give up after `integration.repairs`."""
    standing, reason = run.tasks[rework.task], rejection_words(rework)
    with_phase = report.unlanded if report.unlanded and rework.task in report.unlanded.mates else None
    how = (rework.kind, rework.partner or "", *rework.files)
    may_repair = _may_repair(run, rework.task, how)
    blocked = run.dispatcher.reopen(rework.task, now=run.now)
    if blocked:  # what it rests on has failed since: there is nothing left to repair
        _reject(run, rework.task, f"{reason}, and {blocked[0].by} did not succeed", how)
        run.lose(rework.task)
    elif standing.commit is None or not may_repair:
        _reject(run, rework.task, reason, how)
        run.lose(rework.task)
    else:
        onto = with_phase.onto if with_phase else run.tip or start_of(run)
        number = standing.repairs + 1
        run.put(
            rework.task,
            status=Waiting(),
            repairs=number,
            repair=rework.repair(number, rejected=standing.commit, onto=onto),
            rejected_as=how,
            rests_on=tuple(dict.fromkeys((*standing.rests_on, *(with_phase.tasks if with_phase else ())))),
        )
        run.tell("handed back", about=rework.task, reason=reason)


def _reject(run: Standings, task: str, reason: str, how: tuple[str, ...]) -> None:
    run.put(task, status=Rejected(reason), rejected_as=how)
    run.tell("held", about=task, reason=reason)


def _may_repair(run: Standings, task: str, how: tuple[str, ...]) -> bool:
    """Whether a repair is left, and could help: a command that fails in the same way again would go on doing so.

    What has no history in common with the feature branch no agent can merge, and somebody else's branch no agent has
    to mend: a newer tip of it does.
    """
    standing, refresh = run.tasks[task], run.manifest.refresh
    if how[0] == "unrelated" or run.facts[task].foreign:
        return False
    if refresh is not None and task == refresh.task and not refresh.by_agent:
        return False
    same_again = run.facts[task].is_command and standing.rejected_as == how
    # A batch that is ready-to-land is on no branch yet: there is no tip that a repair could be made on.
    return run.by_hand is None and not same_again and standing.repairs < run.manifest.repairs
