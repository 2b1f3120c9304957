"""The branches of others that a plan takes in: whether they are there, and have gone on since a run took them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plait.flows.inputs.requests import Brief
from plait.plans.errors import CallError, EnvironmentProblem, PlanError, Problem
from plait.plans.journal.manifest import EarlierWork
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import quoted
from plait.workspace.control import Control
from plait.workspace.foreign_branches import foreign_tip, hint_for
from plait.workspace.git import GitRepository, repository_around


def require_branches(control: Control, tasks: Iterable[PlannedTask]) -> None:
    """Refuse a plan that names a branch which is not there.

    Raises:
        CallError: with what may have been meant.
    """
    for task in tasks:
        name = task.task.branch
        if name is not None and foreign_tip(control.target, name) is None:
            hint = hint_for(control.target, name)
            raise CallError(f"{task.id} takes the branch {name!r}, and the repository has none of that name", hint=hint)


def moved_on(control: Control, tasks: Sequence[PlannedTask], finished: Mapping[str, EarlierWork]) -> set[str]:
    """The tasks whose branch has a tip that was not taken yet; what has landed stays so.

    Raises:
        GitFailed: a commit is missing.
    """
    anew: set[str] = set()
    for task in tasks:
        work = finished.get(task.id)
        if task.task.branch is None or work is None or (work.landed and work.commit is not None):
            continue
        tip, taken = foreign_tip(control.target, task.task.branch), work.commit or work.at
        if tip and taken and not control.store.is_ancestor(tip, taken):
            anew.add(task.id)
    return anew


def unknown_branches(brief: Brief, place: Path) -> PlanError | None:
    """The mistakes of a plan that names branches which the repository around a place does not have."""
    try:
        around = repository_around(place)
    except EnvironmentProblem:
        return None
    if around is None:
        return None
    repository, problems = GitRepository(Path(around)), list[Problem]()
    for at, task in enumerate(brief.plan.tasks):
        if task.branch is not None and foreign_tip(repository, task.branch) is None:
            message = f"{quoted(task.branch)} is no branch of the repository"
            problems.append(brief.places.problem(("tasks", at, "branch"), message, hint_for(repository, task.branch)))
    return PlanError(brief.source, tuple(problems)) if problems else None
