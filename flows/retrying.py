"""Has a task tried again from the start: what it made before is put aside, and its plan is run."""

from dataclasses import dataclass
from pathlib import Path

from plait.flows.inputs.requests import Brief
from plait.flows.running.reuse import move_aside
from plait.flows.runs import KnownRun, run_meant, worktree_of
from plait.plans.errors import CallError
from plait.plans.language.editions import edition_of
from plait.plans.tasks.outcomes import FeatureOutcome, TaskOutcome
from plait.plans.tasks.states import TaskState
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
    refresh: bool = False
    """Whether it is base that is taken in, which only a run does that is asked to."""

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


def prepare_retry(
    wanted: str | None, task: str, *, repository: Path | None = None, brief: Brief | None = None
) -> Retrying:
    """Put the branch of a task aside, so that the next run of its feature does it anew, with all of its tries.

    Args:
        brief: The plan that is to be run; that of the task's run when absent.

    Raises:
        CallError: there is no such run or task, its feature goes on, it has landed, somebody stands on its branch, or
            the plan is another feature's.
    """
    run = run_meant(wanted, task=task, repository=repository)
    outcome = run.shown_outcome()
    planned = _task_of(run, outcome, task)
    if run.alive:
        hint = f"wait for its end, or end it: plait cancel {run.run_id}; what it has to know: plait tell {task}"
        raise CallError(f"run {run.run_id} goes on, and tries {task} as often as its plan says", hint=hint)
    if planned.state in _FINISHED:
        raise CallError(f"{task} {_FINISHED[planned.state]}", hint="see `plait status`")
    if brief is not None:
        plan_of_feature(brief, run.feature)
    control = open_control(Path(run.repository), home=plait_home())
    with feature_lock(control, run.feature, "retry"):
        branches = (planned.branch,) if planned.branch and control.branch(planned.branch) else ()
        kept = move_aside(control, branches, run_id=run.run_id)
    refresh = outcome.base is not None and outcome.base.refresh == planned.id
    return Retrying(run, planned.id, kept, _plan_of(run), refresh)


def plan_of_feature(brief: Brief, feature: str) -> Brief:
    """A plan as the one of a feature that was run: of a plan for editions that edition, and not today's.

    Raises:
        CallError: it is the plan of another feature.
    """
    edition = edition_of(brief.template, feature) if brief.template else None
    brief = brief.as_edition(edition) if edition else brief
    if brief.plan.feature != feature:
        sentence = f"{brief.source} is the plan of {brief.template or brief.plan.feature}, and not of {feature}"
        raise CallError(sentence, hint="name the plan of the task's run with --plan")
    return brief


def _task_of(run: KnownRun, outcome: FeatureOutcome, task: str) -> TaskOutcome:
    """The task, or the bundle that it was done in."""
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
