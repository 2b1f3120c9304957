"""Has a task tried again from the start: what it made before is put aside, and its plan is run."""

from dataclasses import dataclass
from pathlib import Path

from plait.flows.running.reuse import move_aside
from plait.flows.runs import KnownRun, run_meant, worktree_of
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import TaskOutcome, TaskState
from plait.plans.wording import near_match, quoted
from plait.workspace.control import open_control
from plait.workspace.home import plait_home
from plait.workspace.places import is_file, is_folder
from plait.workspace.ref_landing import feature_lock
from plait.workspace.small_files import read_json_object

_FINISHED = {
    TaskState.LANDED: "has landed, so there is nothing to try again",
    TaskState.DONE: "is finished, and waits to be integrated",
}


@dataclass(frozen=True, slots=True)
class Retrying:
    """A task that is to be tried again."""

    run: KnownRun
    task: str
    put_aside: tuple[str, ...]
    """The refs that keep what it made before."""
    plan: Path | None
    """Where the plan of its run is; nothing where it is not there any more."""

    @property
    def repository(self) -> Path:
        return worktree_of(self.run.repository)

    def record(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "task": self.task,
            "feature": self.run.feature,
            "put_aside": list(self.put_aside),
            "plan": str(self.plan) if self.plan else None,
        }


def prepare_retry(wanted: str | None, task: str, *, repository: Path | None = None) -> Retrying:
    """Put the branch of a task aside, so that the next run of its feature does it anew, with all of its tries.

    Raises:
        CallError: there is no such run or task, its feature goes on, it has landed, or somebody stands on its branch.
    """
    run = run_meant(wanted, task=task, repository=repository)
    planned = _task_of(run, task)
    if run.alive:
        hint = f"wait for its end, or end it: plait cancel {run.run_id}; what it has to know: plait tell {task}"
        raise CallError(f"run {run.run_id} goes on, and tries {task} as often as its plan says", hint=hint)
    if planned.state in _FINISHED:
        raise CallError(f"{task} {_FINISHED[planned.state]}", hint="see `plait status`")
    control = open_control(Path(run.repository), home=plait_home())
    with feature_lock(control, run.feature, "retry"):
        branches = (planned.branch,) if planned.branch and control.branch(planned.branch) else ()
        kept = move_aside(control, branches, run_id=run.run_id)
    return Retrying(run, planned.id, kept, _plan_of(run))


def _task_of(run: KnownRun, task: str) -> TaskOutcome:
    """The task, or the bundle that it was done in."""
    outcome = run.shown_outcome()
    tasks = {row.id: row for row in outcome.tasks}
    tasks |= {member: row for row in outcome.tasks for member in row.members}
    if task not in tasks:
        raise CallError(f"run {run.run_id} has no task {quoted(task)}", hint=near_match(task, tasks))
    return tasks[task]


def _plan_of(run: KnownRun) -> Path | None:
    try:
        place = Path(str(read_json_object(run.directory / "run.json").get("plan") or ""))
    except (OSError, ValueError):
        return None
    return place if place.is_absolute() and (is_file(place) or is_folder(place)) else None
