"""Has a task tried again from the start: what it made before is put aside, and its plan is run."""

from dataclasses import dataclass
from pathlib import Path

from plait.flows.inputs.requests import Brief
from plait.flows.running.reuse import move_aside
from plait.flows.runs import KnownRun, run_meant, worktree_of
from plait.plans.errors import CallError
from plait.plans.language.editions import edition_of
from plait.plans.names import integration_branch
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
    branch: str | None
    """Where what it made before is, if it made anything."""
    plan: Path | None
    """Where the plan of its run is; nothing where it is not there any more."""
    crew: tuple[str, ...] = ()
    """What `--crew` said to its run."""
    refresh: bool = False
    """Whether it is base that is taken in, which only a run does that is asked to."""
    base: str | None = None
    """What its feature starts from, where that is not kept by a branch of it yet: as its run did."""

    @property
    def repository(self) -> Path:
        return worktree_of(self.run.repository)

    def record(self, put_aside: tuple[str, ...]) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "task": self.task,
            "feature": self.run.feature,
            "put_aside": list(put_aside),
            "plan": str(self.plan) if self.plan else None,
        }

    def of_its_feature(self, brief: Brief) -> Brief:
        """A plan as the edition that the task's run was of, which is not always today's.

        Raises:
            CallError: it is the plan of another feature.
        """
        edition = edition_of(brief.template, self.run.feature) if brief.template else None
        brief = brief.as_edition(edition) if edition else brief
        if brief.plan.feature != self.run.feature:
            named = brief.template or brief.plan.feature
            sentence = f"{brief.source} is the plan of {named}, and {self.task} is of {self.run.feature}"
            raise CallError(sentence, hint="name its plan with --plan")
        return brief


def find_retry(wanted: str | None, task: str, *, repository: Path | None = None) -> Retrying:
    """The task that is meant, if it can be tried again; nothing is moved yet.

    Raises:
        CallError: there is no such run or task, its feature goes on, or it has landed.
    """
    run = run_meant(wanted, task=task, repository=repository)
    outcome = run.shown_outcome()
    planned = _task_of(run, outcome, task)
    if run.alive:
        hint = f"wait for its end, or end it: plait cancel {run.run_id}; what it has to know: plait tell {task}"
        raise CallError(f"run {run.run_id} goes on, and tries {task} as often as its plan says", hint=hint)
    if planned.state in _FINISHED:
        raise CallError(f"{task} {_FINISHED[planned.state]}", hint="see `plait status`")
    refresh = outcome.base is not None and outcome.base.refresh == planned.id
    plan, crew = _asked_of(run)
    return Retrying(run, planned.id, planned.branch, plan, crew, refresh, _base_of(run))


def put_aside(retrying: Retrying) -> tuple[str, ...]:
    """Put the branch of a task aside, so that the next run of its feature does it anew, with all of its tries.

    Returns:
        The refs that keep what it made before.

    Raises:
        CallError: its feature goes on, or somebody stands on its branch.
    """
    run, branch = retrying.run, retrying.branch
    control = open_control(Path(run.repository), home=plait_home())
    with feature_lock(control, run.feature, "retry"):
        branches = (branch,) if branch and control.branch(branch) else ()
        return move_aside(control, branches, run_id=run.run_id)


def _base_of(run: KnownRun) -> str | None:
    """What a run started from, where its feature has no branch that would remember it."""
    standing = run.shown_outcome().base
    control = open_control(Path(run.repository), home=plait_home())
    if standing is None or control.branch(integration_branch(run.feature)) is not None:
        return None
    return standing.ref or standing.began


def _task_of(run: KnownRun, outcome: FeatureOutcome, task: str) -> TaskOutcome:
    """The task, or the bundle that it was done in."""
    tasks = {row.id: row for row in outcome.tasks}
    tasks |= {member: row for row in outcome.tasks for member in row.members}
    if task not in tasks:
        raise CallError(f"run {run.run_id} has no task {quoted(task)}", hint=near_match(task, tasks))
    return tasks[task]


def _asked_of(run: KnownRun) -> tuple[Path | None, tuple[str, ...]]:
    """The plan of a run, where it is still there, and the words of its `--crew`."""
    try:
        facts = read_json_object(run.directory / "run.json")
    except (OSError, ValueError):
        return None, ()
    place, crew = Path(str(facts.get("plan") or "")), facts.get("crew")
    is_there = place.is_absolute() and (is_file(place) or is_folder(place))
    return place if is_there else None, tuple(map(str, crew)) if isinstance(crew, list) else ()
