"""What a task left to be read: by try, what its set-up, its agent and its checks printed, and why it did not count."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from plait.agent_tasks.trying import numbered_tries
from plait.flows.runs import KnownRun, run_meant
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import near_match, quoted
from plait.workspace.output import plain, read_tail

_SHOWN = 65536
"""Bytes of the end of a log that JSON holds."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """One log of one try."""

    what: str
    """`set-up`, `agent` or `check`."""
    path: Path


@dataclass(frozen=True, slots=True)
class TryLog:
    """One try, and its logs in the order in which they were written."""

    number: int
    folder: Path
    parts: tuple[LogPart, ...]
    agent: str = ""
    dispatch: str = "work"
    failed: str | None = None
    """Why it does not count."""
    over: bool = False

    @property
    def main(self) -> Path:
        """The agent's log, there or not yet; of a set-up that failed before any try that one."""
        return self.folder / "output.log" if self.number or not self.parts else self.parts[-1].path


@dataclass(frozen=True, slots=True)
class TaskLog:
    """All that a run has of a task."""

    run: KnownRun
    task: str
    tries: tuple[TryLog, ...]
    rejections: tuple[tuple[str, str, str], ...] = field(default=())
    """Of each batch that did not take it: its id, the kind, and the evidence."""

    def only(self, number: int) -> TryLog:
        """The try of that number.

        Raises:
            CallError: there is none.
        """
        chosen = next((attempt for attempt in self.tries if attempt.number == number), None)
        if chosen is None:
            there = ", ".join(str(attempt.number) for attempt in self.tries)
            raise CallError(f"{self.task} has no try {number}", hint=f"it has {there}")
        return chosen


def find_log(wanted: str | None, task: str, *, repository: Path | None) -> TaskLog:
    """The logs of a task, or of the bundle that it was done in, of the run that is meant.

    Raises:
        CallError: there is no such run, or it has none of that task.
    """
    run = run_meant(wanted, task=task, repository=repository)
    if not tries_of(run, task) and (bundle := _bundle_of(run, task)):
        run, task = run_meant(wanted, task=bundle, repository=repository), bundle
    tries = tries_of(run, task)
    if not tries:
        raise _nothing_of(run, task)
    return TaskLog(run, task, tries, tuple(_rejections(_outcome_of(run), task)))


def tries_of(run: KnownRun, task: str) -> tuple[TryLog, ...]:
    """The tries of a task, oldest first."""
    if task in (".", "..") or Path(task).name != task:
        return ()
    return tuple(_tries(run.directory / "tasks" / task))


def logged_tasks(run: KnownRun) -> list[str]:
    """The tasks of a run that have a log, by name."""
    return sorted(place.name for place in (run.directory / "tasks").glob("*") if tries_of(run, place.name))


def log_record(log: TaskLog, *, number: int | None = None) -> dict[str, object]:
    """What `--json` prints."""
    tries = [
        {
            "number": attempt.number,
            "agent": attempt.agent or None,
            "dispatch": attempt.dispatch,
            "over": attempt.over,
            "failed": attempt.failed,
            "logs": [
                {"what": part.what, "path": str(part.path), "text": plain(read_tail(part.path, size=_SHOWN))}
                for part in attempt.parts
            ],
        }
        for attempt in log.tries
        if number is None or attempt.number == number
    ]
    rejections = [{"batch": batch, "kind": kind, "reason": reason} for batch, kind, reason in log.rejections]
    return {"run_id": log.run.run_id, "task": log.task, "tries": tries, "rejections": rejections}


def _tries(folder: Path) -> Iterator[TryLog]:
    yield from _failed_set_ups(folder)
    for number, (place, ended) in numbered_tries(folder).items():
        parts = tuple(_parts(place))
        if ended is None:
            yield TryLog(number, place, parts, over=(place / "result.json").exists())
        else:
            yield TryLog(number, place, parts, plain(ended.agent), plain(ended.dispatch), ended.failed, over=True)


def _failed_set_ups(folder: Path) -> Iterator[TryLog]:
    """Set-ups that failed before any try began, which count as none: the number is 0."""
    for place in sorted(folder.glob("set-up-*")):
        if parts := tuple(_parts(place)):
            yield TryLog(0, place, parts, dispatch="set-up", failed="the set-up failed, so no try began", over=True)


def _parts(place: Path) -> Iterator[LogPart]:
    """The logs that say anything; of checks those of single stages are part of the whole one's."""
    checks = (file for file in place.glob("verify-*.log") if file.stem.count("-") == 2)
    named = [("set-up", place / "setup.log"), ("agent", place / "output.log")]
    for what, file in (*named, *(("check", file) for file in sorted(checks, key=_written))):
        if _written(file):
            yield LogPart(what, file)


def logs_of_try(place: Path) -> list[Path]:
    """The logs that a try has by now, in the order in which they are written."""
    return [part.path for part in _parts(place)]


def _written(file: Path) -> float:
    """When a log was written last; 0 where there is none, or nothing in it."""
    try:
        seen = file.lstat()
    except OSError:
        return 0.0
    return seen.st_mtime if seen.st_size else 0.0


def _outcome_of(run: KnownRun) -> FeatureOutcome | None:
    try:
        return run.outcome()
    except CallError:  # its journal cannot be read; its logs can
        return None


def _rejections(outcome: FeatureOutcome | None, task: str) -> Iterator[tuple[str, str, str]]:
    for batch in outcome.batches if outcome else ():
        yield from ((batch.id, no.kind, no.reason) for no in batch.rejected if no.task == task)


def _bundle_of(run: KnownRun, task: str) -> str | None:
    """The bundle that a task was done in, whose log is its own."""
    outcome = _outcome_of(run)
    return next((member.bundle for member in outcome.singly().tasks if member.id == task), None) if outcome else None


def _nothing_of(run: KnownRun, task: str) -> CallError:
    """Why a run has no log of a task, and which it has."""
    outcome = run.outcome()
    tasks = {planned.id: planned for planned in outcome.tasks} if outcome else {}
    logged = logged_tasks(run)
    has = f"there are logs of {', '.join(logged[:12])}{', …' if len(logged) > 12 else ''}" if logged else None
    if task not in tasks:
        return CallError(f"run {run.run_id} has no task {quoted(task)}", hint=near_match(task, tasks) or has)
    if tasks[task].state in (TaskState.LANDED, TaskState.DONE):
        return CallError(f"{task} was finished before run {run.run_id}", hint=f"see `plait logs {task}`")
    return CallError(f"{task} has not started ({tasks[task].state.value})", hint=has)
