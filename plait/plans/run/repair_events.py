"""What a person's repair makes of a run: it is looked at, and counts as the task's work; no agent does it again."""

from plait.plans.journal.events import RepairFound, RepairTaken, WorkDone, WorkFailed, WorkStopped
from plait.plans.run.contract_events import redo_outdated, written
from plait.plans.run.review_events import approve_persons_own, begin_review, must_be_reviewed
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Built, Rejected
from plait.plans.tasks.states import TaskState


def take_up_repairs(run: Standings) -> None:
    """What persons have put on branches since the last run."""
    for task, commit in run.manifest.repaired.items():
        work = run.manifest.earlier.get(task)
        if task in run.tasks and work is not None:
            run.put(task, commit=work.commit, rests_on=work.rests_on, built_on=work.built_on)
            run.mend(task, commit)


def repair_found(run: Standings, event: RepairFound) -> None:
    """A person has repaired a task that waits for that, or for an agent."""
    standing = run.tasks.get(event.task)
    if standing is not None and standing.is_for_repair and event.task not in run.mending and not run.stopping:
        run.mend(event.task, event.commit)


def repair_taken(run: Standings, event: RepairTaken) -> None:
    """It is the task's work now, and costs no repair; or it does not count, and the branch stays the person's."""
    mending = run.mending.get(event.task)
    if mending is None or mending.number != event.number:
        return
    del run.mending[event.task]
    by = f" by {event.by}" if event.by else ""
    match event.result:
        case WorkDone(commit, changed, contents):
            if run.dispatcher.state_of(event.task) is TaskState.FAILED:
                run.dispatcher.revive(event.task, now=run.now)
            many = "" if changed == 1 else "s"
            run.tell(f"the repair{by} is taken, {changed} file{many} changed", about=event.task)
            if (
                commit is not None
                and must_be_reviewed(run, event.task, commit)
                and not approve_persons_own(run, event.task, commit, event.by)
                and not run.stopping
            ):
                begin_review(run, event.task, commit, contents=contents)
                redo_outdated(run, event.task)
                return
            if run.dispatcher.state_of(event.task) is not TaskState.CANCELLED:
                run.dispatcher.settle(event.task, now=run.now)
            run.put(event.task, status=Built(run.run_time), commit=commit, repair=None, feedback=())
            for name in run.facts[event.task].writes:
                written(run, name, owner=event.task, commit=commit or "", content=contents.get(name, ""))
            redo_outdated(run, event.task)
        case WorkFailed(reason, environment):
            run.environment |= environment
            run.put(event.task, status=Rejected(f"the repair{by} does not count: {reason}"), repair=None)
            run.tell(f"the repair{by} does not count", about=event.task, reason=reason)
            if run.dispatcher.state_of(event.task) is not TaskState.FAILED:
                run.lose(event.task)
        case WorkStopped():
            if not run.stopping:  # nobody has said anything of it, so no agent may do it again
                run.mend(event.task, mending.commit)
