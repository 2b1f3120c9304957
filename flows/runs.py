"""Finds the runs of this machine: live ones by their run file, older ones by what they left in PLAIT_HOME."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome, RunState, TaskOutcome, TaskState
from plait.plans.telling.progress import Eta, Progress
from plait.workspace.process import is_alive


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run that left a folder."""

    directory: Path
    run_id: str
    feature: str
    repository: str
    pid: int
    started: str
    flow_run: str | None
    deployed: bool
    api_url: str | None

    @property
    def alive(self) -> bool:
        """Whether its process still goes on."""
        return is_alive(self.pid, self.started)

    def outcome(self) -> FeatureOutcome | None:
        """Where it stands; a run that is marked as running but has no process was killed."""
        try:
            found = FeatureOutcome.model_validate_json((self.directory / "outcome.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if found.state is RunState.RUNNING and not self.alive:
            reason = "it was killed; `plait run` goes on with it"
            tasks = tuple(self._stopped(task) for task in found.tasks)
            return found.model_copy(update={"state": RunState.FAILED, "reason": reason, "tasks": tasks})
        return found

    def eta(self) -> Eta | None:
        """When it will end, as its forecast said last; nothing when it is over, or none is kept."""
        if not self.alive:
            return None
        try:
            said = (self.directory / "progress.json").read_text(encoding="utf-8")
            return Progress.model_validate_json(said).eta
        except (OSError, ValueError):
            return None

    def _stopped(self, task: TaskOutcome) -> TaskOutcome:
        """A task of a killed run: what ran then does not run any more, and took no longer than the run lived."""
        if task.state is not TaskState.RUNNING:
            return task
        ended = datetime.fromtimestamp((self.directory / "outcome.json").stat().st_mtime, UTC)
        return task.model_copy(
            update={"state": TaskState.CANCELLED, "ended_at": ended, "reason": "it was killed with its run"}
        )


def known_runs(home: Path) -> list[KnownRun]:
    """All runs that left a folder, newest first."""
    return sorted(_read_all(home), key=lambda run: (run.directory / "run.json").stat().st_mtime, reverse=True)


def _read_all(home: Path) -> Iterator[KnownRun]:
    for path in (home / "runs").glob("*/run.json"):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            yield KnownRun(
                directory=path.parent,
                run_id=said["run_id"],
                feature=said["feature"],
                repository=said["repository"],
                pid=int(said["pid"]),
                started=said["started"],
                flow_run=said.get("flow_run"),
                deployed=bool(said.get("deployed")),
                api_url=said.get("api_url"),
            )
        except (OSError, ValueError, KeyError):
            continue


def find_run(home: Path, wanted: str | None, *, task: str | None = None) -> KnownRun:
    """The run that a person means: of all, or of those whose id begins so or whose feature it is, a live or the newest.

    Raises:
        CallError: there is none.
    """
    runs = known_runs(home)
    if not runs:
        raise CallError("there is no run yet", hint="start one with `plait run PLAN`")
    if wanted:
        fitting = [run for run in runs if run.run_id == wanted] or [
            run for run in runs if run.run_id.startswith(wanted) or run.feature == wanted
        ]
        if not fitting:
            raise CallError(
                f"there is no run {wanted!r}", hint=f"the newest are {', '.join(run.run_id for run in runs[:3])}"
            )
        return next((run for run in fitting if run.alive), fitting[0])
    if task is not None:
        runs = [run for run in runs if (run.directory / "tasks" / task).is_dir()] or runs
    return next((run for run in runs if run.alive), runs[0])


def worktree_of(repository: str) -> Path:
    """The checkout that belongs to a run's repository, whose run file names its git directory; a bare one is itself."""
    place = Path(repository)
    return place.parent if place.name == ".git" else place


def seen_from_here(repository: Path) -> str:
    """A repository as a command has to name it: not at all where the user stands in it."""
    try:
        return "" if Path.cwd().is_relative_to(repository) else str(repository)
    except OSError:  # the directory has been deleted
        return str(repository)
