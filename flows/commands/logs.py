"""Print what a task left, try by try: its set-up's, its agent's and its checks' output; or all tasks' as it comes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.task_logs import TaskLog, TryLog

NAME = "logs"
EXAMPLES = (
    "Examples: `plait logs TASK-2` · `plait logs TASK-2 --try 1` · `plait logs TASK-2 --follow` · "
    "`plait logs --follow` (of all tasks) · `plait logs TASK-2 --prompt` · `plait logs TASK-2 --json`\n\n"
    "A terminal gets the agent's colours and no other escape sequence; a pipe or a file gets every byte as it was. "
    "The stream of events of an agent program is told as text; `--path` says where it is whole. "
    "Where there is more than the agent's log, each has a heading."
)

_LOOK_SECONDS = 0.2
"""How often the next log of a try is looked for."""


def command(
    task: Annotated[
        str | None, typer.Argument(help="The task's id; all tasks when absent.", metavar="TASK", show_default=False)
    ] = None,
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the live or newest run when absent.")] = None,
    repo: RepositoryOfRun = None,
    number: Annotated[int | None, typer.Option("--try", min=1, help="The number of a try; all when absent.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="What the agent was told instead.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing while the task runs.")] = False,
    path: Annotated[
        bool,
        typer.Option(
            "--path", help="Print where the agent's log is instead, or of a set-up that failed before any try that one."
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, with the end of each log.")
    ] = False,
) -> None:
    """Print a task's logs."""
    from plait.flows.task_logs import find_log, log_record
    from plait.plans.errors import CallError

    if task is None:
        if number or prompt or path or json:
            raise CallError("--try, --prompt, --path and --json are about one task", hint="plait logs TASK …")
        _all_tasks(run, repo, follow=follow)
        return
    log = find_log(run, task, repository=repo)
    chosen = log.only(number) if number else log.tries[-1]
    if json:
        from json import dumps

        typer.echo(dumps(log_record(log, number=number), indent=2))
    elif prompt or path or follow:
        file = chosen.folder / "prompt.md" if prompt else chosen.main
        if path:
            typer.echo(str(file))
            return
        if not (_follow(log, chosen) if follow and not prompt else _print(file, is_whole=prompt)):
            _say_nothing(log, chosen, prompt=prompt)
    else:
        _tell(log, (chosen,) if number else log.tries, whole=number is None)


def _follow(log: "TaskLog", attempt: "TryLog") -> bool:
    """What set-up, agent and checks of a try print, in turn, until it is over; whether there was anything."""
    from plait.flows.task_logs import logs_of_try

    told = set[Path]()

    def ahead() -> list[Path]:
        return [file for file in logs_of_try(attempt.folder) if file not in told]

    def is_over() -> bool:
        return attempt.over or not log.run.alive or (attempt.folder / "result.json").exists()

    while True:
        last = is_over()
        for file in ahead():
            told.add(file)
            _print(file, going_on=lambda: not (is_over() or ahead()))
        if last:
            return bool(told)
        sleep(_LOOK_SECONDS)


def _tell(log: "TaskLog", tries: "tuple[TryLog, ...]", *, whole: bool) -> None:
    """All logs in their order; a single one as it is, several below headings."""
    from plait.flows.terminal.following import ends_with_a_line
    from plait.flows.terminal.text_layout import for_reading

    rejections = log.rejections if whole else ()
    parts = [(attempt, part) for attempt in tries for part in attempt.parts]
    if len(parts) == 1 and len(tries) == 1 and parts[0][1].what == "agent" and not rejections:
        _print(parts[0][1].path)
        return
    if not parts and not rejections:
        _say_nothing(log, tries[-1])
    for attempt in tries:
        cut = "not over" if log.run.alive else "cut off with its run"
        who = f"{attempt.dispatch} by {attempt.agent}" if attempt.agent else cut
        for part in attempt.parts:
            _heading(
                f"{log.task}, {f'try {attempt.number} ({who})' if attempt.number else 'before any try'}: {part.what}"
            )
            _print(part.path)
            _say([""] * (not ends_with_a_line(part.path)))
        if attempt.failed and attempt.number:
            _heading(f"{log.task}, try {attempt.number} does not count")
            has_checks = any(part.what == "check" for part in attempt.parts)
            _say(for_reading(_lines(attempt.failed)[: 1 if has_checks else None]))
    for batch, kind, reason in rejections:
        _heading(f"{batch} rejected {log.task} ({kind}); `plait batches {batch.removeprefix('batch-')}` tells more")
        _say(for_reading(_lines(reason)))


def _lines(text: str) -> list[str]:
    from plait.plans.wording import one_line

    return [one_line(line, 2000) for line in text.strip().splitlines()]


def _heading(words: str) -> None:
    from plait.plans.wording import one_line

    stream = typer.get_binary_stream("stdout")
    line = f"── {one_line(words)} ──"
    stream.write((f"\x1b[1m{line}\x1b[0m" if _has_colours() else line).encode() + b"\n")
    stream.flush()


def _has_colours() -> bool:
    import os
    import sys

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _say(lines: Iterable[str]) -> None:
    stream = typer.get_binary_stream("stdout")
    for line in lines:
        stream.write(f"{line}\n".encode(errors="replace"))
    stream.flush()


def _say_nothing(log: "TaskLog", attempt: "TryLog", *, prompt: bool = False) -> None:
    what = "was told nothing" if prompt else "has printed nothing"
    when = f"try {attempt.number}" if attempt.number else "no try began"
    typer.echo(f"{log.task} {what} ({when})", err=True)


def _print(file: Path, *, going_on: Callable[[], bool] = lambda: False, is_whole: bool = False) -> bool:
    from plait.flows.terminal.following import print_log

    return print_log(file, typer.get_binary_stream("stdout"), going_on=going_on, is_whole=is_whole)


def _all_tasks(run: str | None, repo: Path | None, *, follow: bool) -> None:
    """What all agents print, each line with its task's name; without `follow`, what they have printed by now."""
    from plait.flows.runs import run_meant
    from plait.flows.task_logs import logged_tasks, tries_of
    from plait.flows.terminal.following import Followed, follow_all

    known = run_meant(run, repository=repo)

    def logs() -> list[Followed]:
        return [
            Followed(task, part.path)
            for task in logged_tasks(known)
            for attempt in tries_of(known, task)
            for part in attempt.parts
        ]

    if not follow_all(logs, typer.get_binary_stream("stdout"), going_on=lambda: follow and known.alive):
        typer.echo(f"run {known.run_id} has no log yet", err=True)
