"""Deletes what a run needs only while it goes on: checkouts, slots of verifications; logs and results stay."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from plait.agent_tasks.private_work import PrivateWork
from plait.agent_tasks.trying import CHECKOUT, unfinished_tries
from plait.plans.errors import PlaitError
from plait.plans.names import salvage_branch
from plait.workspace.control import Control
from plait.workspace.deleting import TRASH, delete_tree
from plait.workspace.git import git_date
from plait.workspace.harvest import salvage
from plait.workspace.small_files import read_json_object
from plait.workspace.trailers import message_with_trailers


def tidy_run(directory: Path) -> None:
    """Delete a run's checkouts and slots; what something still works in is left for `tidy_killed_runs`."""
    for place in _places(directory):
        with suppress(OSError):
            delete_tree(place)


def checkouts_in(directory: Path) -> list[Path]:
    """What `tidy_run` would delete of a run, and is there."""
    return [place for place in _places(directory) if place.exists()]


def tidy_killed_runs(home: Path, control: Control, *, feature: str) -> tuple[str, ...]:
    """Delete the checkouts of runs that had no time to do so; call with the lock of the feature in the repository.

    What their agents had in work is put on salvage branches first. The lock tells that they are over: a process number
    says nothing where PLAIT_HOME is shared between containers.

    Returns:
        A sentence for each branch that keeps something now.
    """
    told: list[str] = []
    for run_file in (home / "runs").glob("*/run.json"):
        if (run_file.parent / "result.json").exists():
            continue
        with suppress(OSError, ValueError, KeyError):
            said = read_json_object(run_file)
            if (said["feature"], said["repository"]) == (feature, str(control.common_dir)):
                told += _salvage_killed(control, run_file.parent, feature=feature)
                tidy_run(run_file.parent)
    return tuple(told)


def has_unsalvaged(home: Path, control: Control) -> bool:
    """Whether any run in the repository has checkouts with work in them, alive or killed."""
    for run_file in (home / "runs").glob("*/run.json"):
        if (run_file.parent / "result.json").exists():
            continue
        with suppress(OSError, ValueError, KeyError):
            said = read_json_object(run_file)
            if said["repository"] == str(control.common_dir) and any(unfinished_tries(run_file.parent)):
                return True
    return False


def _salvage_killed(control: Control, run: Path, *, feature: str) -> Iterator[str]:
    for one in unfinished_tries(run):
        branch = salvage_branch(feature, one.role, one.task, one.folder.number)
        message = message_with_trailers(
            f"Salvage of {one.task}, try {one.folder.number}",
            "The run was killed while the agent worked.",
            {"Plait-Run": run.name, "Plait-Task": one.task},
        )
        try:
            date = git_date(one.folder.started_at)
            aside = one.folder.unfiltered
            kept = salvage(control, one.checkout, branch=branch, message=message, date=date, aside=aside)
        except (PlaitError, OSError) as problem:
            place = f"{one.folder.keep_checkout()}, and on no branch: {problem}"
            yield f"{run.name} was killed; what it had of {one.task} is in {place}"
            continue
        private = PrivateWork(control, one.checkout, one.folder)
        private.take_up()
        told = private.keep(all_of_it=True)
        with suppress(OSError):
            failed = f"the run was killed{f'; {told}' if told else ''}"
            one.folder.close(
                failed=failed,
                salvage=kept,
                private_git=private.kept,
                outcome="cancelled",
                start=one.checkout.commit,
                checkpoint=control.branch(kept) if kept else None,
                left_work=kept is not None,
            )
        if kept:
            yield f"{run.name} was killed; what it had of {one.task} is on {kept}"
        if aside.is_dir():
            yield f"{run.name} was killed; files of {one.task} that no branch may have are in {aside}"
        if told:
            yield f"{run.name} was killed; {one.task}: {told}"


def _places(directory: Path) -> Iterator[Path]:
    yield directory / "slots"
    for task in (directory / "tasks").glob("*"):
        yield from (task / "verify", task / "contract", task / CHECKOUT, task / TRASH)
