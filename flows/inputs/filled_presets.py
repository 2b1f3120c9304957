"""The presets of a plan's `verify`, filled in by what the repository has where the feature starts from."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plait.flows.inputs.base_around import base_around
from plait.flows.inputs.requests import Brief
from plait.plans.errors import PlaitError
from plait.plans.language.model import Task
from plait.plans.language.verify_stages import Check, VerifyStage
from plait.plans.quality.presets import filled_in

if TYPE_CHECKING:  # git's library is loaded only for plans that have presets
    from plait.workspace.git import GitRepository


def has_presets(brief: Brief) -> bool:
    """Whether anything has to be asked of the repository."""
    return any(_presets(checks) for _, checks in _places(brief))


def fill_presets(brief: Brief, repository: "GitRepository", commit: str) -> tuple[Brief, tuple[str, ...]]:
    """The brief with stages in place of presets, and for each place that has one a line on what will run.

    Raises:
        GitFailed: an object of the commit is missing.
    """
    if not has_presets(brief):
        return brief, ()
    from plait.workspace.root_files import root_files

    files, folders = root_files(repository, commit)

    def filled(checks: Sequence[Check]) -> tuple[Check, ...]:
        return filled_in(checks, files, folders)

    def with_stages(task: Task) -> Task:
        return task.model_copy(update={"verify": filled(task.verify)}) if _presets(task.verify) else task

    plan = brief.plan.model_copy(
        update={
            "tasks": tuple(map(with_stages, brief.plan.tasks)),
            "integration": brief.plan.integration.model_copy(update={"verify": filled(brief.plan.integration.verify)}),
        }
    )
    # Their specs are as they were: the plan has not changed with what base has.
    tasks = tuple(replace(planned, task=with_stages(planned.task)) for planned in brief.expansion.tasks)
    told = tuple(
        _told(place, _presets(checks), filled([check for check in checks if _presets([check])]))
        for place, checks in _places(brief)
        if _presets(checks)
    )
    return replace(brief, plan=plan, expansion=replace(brief.expansion, tasks=tasks)), told


def shown_presets(brief: Brief, place: Path) -> tuple[Brief, tuple[str, ...]]:
    """The same for whoever only looks: where there is no repository, or no such base, that is told."""
    if not has_presets(brief):
        return brief, ()
    try:
        if found := base_around(brief, place):
            return fill_presets(brief, *found)
    except PlaitError:
        pass
    return brief, ("what the presets of `verify` run depends on the repository, and there is none here",)


def _places(brief: Brief) -> Iterable[tuple[str, Sequence[Check]]]:
    yield "integration.verify", brief.plan.integration.verify
    for task in brief.plan.tasks:
        yield f"{task.id}: verify", task.verify


def _presets(checks: Iterable[Check]) -> list[str]:
    return [check.preset for check in checks if isinstance(check, VerifyStage) and check.preset]


def _told(place: str, presets: Sequence[str], checks: Iterable[Check]) -> str:
    """`integration.verify: preset python runs syntax: ruff check . · tests: pytest -q`."""
    stages = [check for check in checks if isinstance(check, VerifyStage)]
    runs = " · ".join(f"{stage.stage}: {'; '.join(stage.run)}" for stage in stages)
    words = f"runs {runs}" if runs else "finds nothing to run at base: it verifies nothing"
    return f"{place}: preset {' and '.join(presets)} {words}"
