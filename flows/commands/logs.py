"""Print what a task's agent printed: its newest try, an earlier one, or all as they come."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.runs import KnownRun
    from plait.plans.errors import CallError

NAME = "logs"
EXAMPLES = (
    "Examples: `plait logs TASK-2` · `plait logs TASK-2 --try 1` · `plait logs TASK-2 --follow` · "
    "`plait logs TASK-2 --prompt`\n\n"
    "A terminal gets the agent's colours and no other escape sequence; a pipe or a file gets every byte as it was."
)
LOOK_SECONDS = 0.2
"""How often a log that grows is looked at."""


def command(
    task: Annotated[str, typer.Argument(help="The task's id.", metavar="TASK", show_default=False)],
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the live or newest run when absent.")] = None,
    repo: RepositoryOfRun = None,
    number: Annotated[
        int | None, typer.Option("--try", min=1, help="The number of the try; the newest when absent.")
    ] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="What the agent was told instead.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing while the task runs.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print where the file is instead.")] = False,
) -> None:
    """Print a task's log."""
    from plait.flows.runs import run_meant
    from plait.plans.errors import CallError

    known = run_meant(run, task=task, repository=repo)
    if not _tries(known, task) and (bundle := _bundle_of(known, task)):
        known, task = run_meant(run, task=bundle, repository=repo), bundle
    tries = _tries(known, task)
    if not tries:
        raise _nothing_of(known, task)
    chosen = max(tries) if number is None else number
    if chosen not in tries:
        raise CallError(f"{task} has no try {chosen}", hint=f"it has {', '.join(map(str, sorted(tries)))}")
    file = tries[chosen] / ("prompt.md" if prompt else "output.log")
    if path:
        typer.echo(str(file))
        return
    over = tries[chosen] / "result.json"
    if not _print(file, going_on=lambda: follow and known.alive and not over.exists()):
        typer.echo(f"{task} {'was told nothing' if prompt else 'has printed nothing'} (try {chosen})", err=True)


def _bundle_of(known: "KnownRun", task: str) -> str | None:
    """The bundle that a task was done in, whose log is its own."""
    outcome = known.outcome()
    return next((member.bundle for member in outcome.singly().tasks if member.id == task), None) if outcome else None


def _tries(known: "KnownRun", task: str) -> dict[int, Path]:
    """The folders of a task's tries by their number."""
    if task in (".", "..") or Path(task).name != task:
        return {}
    folders = (known.directory / "tasks" / task).glob("try-*")
    return {int(folder.name[4:]): folder for folder in folders if folder.name[4:].isdecimal()}


def _nothing_of(known: "KnownRun", task: str) -> "CallError":
    """Why a run has no log of a task, and which it has."""
    from plait.plans.errors import CallError
    from plait.plans.tasks.outcomes import TaskState
    from plait.plans.wording import near_match, quoted

    outcome = known.outcome()
    tasks = {planned.id: planned for planned in outcome.tasks} if outcome else {}
    logged = sorted(place.name for place in (known.directory / "tasks").glob("*") if _tries(known, place.name))
    has = f"there are logs of {', '.join(logged[:12])}{', …' if len(logged) > 12 else ''}" if logged else None
    if task not in tasks:
        return CallError(f"run {known.run_id} has no task {quoted(task)}", hint=near_match(task, tasks) or has)
    if tasks[task].state in (TaskState.LANDED, TaskState.DONE):
        return CallError(f"{task} was finished before run {known.run_id}", hint=f"see `plait logs {task}`")
    return CallError(f"{task} has not started ({tasks[task].state.value})", hint=has)


def _print(file: Path, *, going_on: Callable[[], bool]) -> bool:
    """Copy a log to standard output until its end, and on for as long as `going_on` says so; whether there was any."""
    from plait.flows.terminal.printing import copy_to

    while not file.exists():
        if not going_on():
            return False
        time.sleep(LOOK_SECONDS)
    some = False
    with _opened(file) as log, copy_to(typer.get_binary_stream("stdout")) as write:
        while True:
            more = going_on()
            while chunk := log.read(65536):
                some = True
                write(chunk)
            if not more:
                return some
            time.sleep(LOOK_SECONDS)


def _opened(file: Path) -> BinaryIO:
    """Open a log for reading: a named pipe in its place is not waited for, a link not followed.

    Raises:
        CallError: something that is no log stands there.
    """
    from plait.plans.errors import CallError

    try:
        return open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")  # noqa: PTH123
    except OSError as problem:
        raise CallError(f"cannot read {file}: {problem.strerror}") from None
