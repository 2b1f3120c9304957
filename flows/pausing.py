"""Pauses features and lets them go on, from another terminal: a wish that is kept beside the repository."""

from pathlib import Path

from plait.flows.runs import KnownRun, find_run, run_meant, runs_here, runs_of, seen_from_here, worktree_of
from plait.plans.errors import CallError, PlaitError
from plait.workspace.control import Control, open_control
from plait.workspace.environment import user_name
from plait.workspace.home import plait_home
from plait.workspace.pause_wishes import ask_to_pause, ask_to_resume, wish_to_pause


def pause(wanted: str | None, *, repository: Path | None = None) -> str:
    """Have a feature paused, and say in a sentence what comes of it.

    Args:
        wanted: A feature or a run, of this repository where it has one; the live or newest run when absent.

    Raises:
        CallError: no such run, or its repository is not there any more.
    """
    run = run_meant(wanted, repository=repository)
    is_new = ask_to_pause(_control_of(run), run.feature, by=user_name())
    then = "what runs finishes, and nothing new starts" if run.alive else "the next run of it starts nothing"
    now = "is paused" if is_new else "was paused already"
    return f"{run.feature}{_where(run)} {now}: {then} until `plait resume {run.feature}`"


def resume(wanted: str | None, *, repository: Path | None = None) -> str:
    """Let a feature go on, and say in a sentence what comes of it.

    Args:
        wanted: A feature or a run, of this repository where it has one; when absent, the one that is paused, or the
            live or newest run.

    Raises:
        CallError: no such run, or its repository is not there any more.
    """
    here = runs_of(repository) if repository else runs_here()
    paused = [run for run in here if _is_paused(run)] if wanted is None else []
    run = find_run(plait_home(), None, among=paused) if paused else run_meant(wanted, repository=repository)
    if not ask_to_resume(_control_of(run), run.feature):
        return f"{run.feature}{_where(run)} was not paused"
    return f"{run.feature}{_where(run)} goes on{'' if run.alive else f' {run.run_again}'}"


def _is_paused(run: KnownRun) -> bool:
    try:
        return wish_to_pause(_control_of(run), run.feature) is not None
    except PlaitError:  # its repository is gone
        return False


def _control_of(run: KnownRun) -> Control:
    try:
        return open_control(Path(run.repository), home=plait_home())
    except CallError as problem:
        raise CallError(f"the repository of {run.run_id} is not there any more: {problem}") from problem


def _where(run: KnownRun) -> str:
    """Its repository, where the user stands somewhere else."""
    place = seen_from_here(worktree_of(run.repository))
    return f" in {place}" if place else ""
