"""Gathers the commands, and turns every error into one clear paragraph and an exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import typer

from plait import __version__
from plait.flows.commands.help_pages import Command, CommandGroup, in_lines
from plait.plans.errors import CallError, EnvironmentProblem, ExitCode, PlaitError

app = typer.Typer(
    name="plait",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run several coding agents on one repository. A feature plan becomes a Prefect flow; "
    "finished branches are merged in tested batches.",
    epilog="Start with `plait demo`. For work of your own: `plait new`, then `plait check PLAN`, "
    "`plait forecast PLAN`, `plait run PLAN`.",
)

COMMANDS = (
    "new",
    "plan",
    "crew",
    "check",
    "forecast",
    "gantt",
    "graph",
    "run",
    "runs",
    "status",
    "tell",
    "report",
    "batches",
    "logs",
    "contracts",
    "approve",
    "resolve",
    "land",
    "undo",
    "pause",
    "resume",
    "retry",
    "cancel",
    "clean",
    "replay",
    "schema",
    "demo",
    "up",
    "down",
    "deploy",
    "doctor",
)
"""In the order in which help lists them; each is a file beside this one."""


def add_commands(called: Sequence[str]) -> None:
    """Add the command that is called, or all where none of them is: all together take 0.03 s to import."""
    names = called[:1] if called and called[0] in COMMANDS else COMMANDS
    for name in () if app.registered_commands else names:
        module = import_module(f"plait.flows.commands.{name}")
        app.command(name=name, cls=Command, help=module.__doc__, epilog=in_lines(module.EXAMPLES))(module.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plait {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and end."
    ),
) -> None:
    """The options that come before a command."""


def run_command() -> int:
    """Run the command that the arguments name, and give what the shell is told.

    Raises:
        KeyboardInterrupt: it was ended before it could say so itself.
    """
    add_commands(sys.argv[1:])
    try:
        ended = app(args=[_at_home(word) for word in sys.argv[1:]], standalone_mode=False)
        return ended if isinstance(ended, int) else 0  # what `typer.Exit` carried, or nothing
    except PlaitError as problem:
        say_problem(problem)
        return int(problem.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.LANDED)
    except OSError as problem:
        known = _of_the_machine(problem)
        if known is None:
            return _say_bug()
        say_problem(known)
        return int(known.exit_code)
    except UnicodeEncodeError as problem:
        if not any("\udc80" <= letter <= "\udcff" for letter in problem.object[problem.start : problem.end]):
            return _say_bug()
        say_problem(CallError("a path or an argument is not UTF-8, as a Prefect server keeps it", hint="rename it"))
        return int(ExitCode.BAD_INPUT)
    except Exception as problem:
        return _say_usage(problem) or _say_bug()


def _at_home(word: str) -> str:
    """An argument with `~` as a home directory, where the shell has left it: `--repo=~/x`, or quoted by a launcher."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{option}{equals}{os.path.expanduser(value)}"  # noqa: PTH111  (that of pathlib raises for unknown users)


def _of_the_machine(problem: OSError) -> PlaitError | None:
    """What kept us from writing, or from knowing where we are, in words; nothing for a bug of ours."""
    from plait.workspace.starting import SHORTAGES

    if problem.errno == errno.ENAMETOOLONG:
        return CallError(f"no file can be called {str(problem.filename)[:40]}…: the name is too long")
    if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        sentence = f"cannot write {problem.filename or 'the output'}: {problem.strerror}"
        return EnvironmentProblem(sentence, hint="free some space, or make it writable")
    if problem.errno in SHORTAGES:
        return EnvironmentProblem(f"plait cannot go on: {problem.strerror}", hint=SHORTAGES[problem.errno])
    if problem.errno in (errno.EACCES, errno.EPERM) and problem.filename:
        whom = f"for user {os.geteuid()}"
        return EnvironmentProblem(
            f"cannot use {problem.filename}: {problem.strerror}", hint=f"make it accessible {whom}"
        )
    try:
        os.getcwd()  # noqa: PTH109 (pathlib's is the same)
    except FileNotFoundError:
        return EnvironmentProblem("the directory that you are in has been deleted", hint="change into another one")
    return None


def say_problem(problem: PlaitError) -> None:
    """One paragraph on standard error: what is wrong, then what to do; a name in it moves no cursor."""
    from plait.workspace.output import plain

    label = "error" if not sys.stderr.isatty() or os.environ.get("NO_COLOR") else "\x1b[1;31merror\x1b[0m"
    lines = plain(str(problem)).splitlines() or [type(problem).__name__]
    with suppress(OSError):  # the exit code says it, too
        for line in lines:
            sys.stderr.write(f"{label}: {line}\n")
        if problem.hint:
            sys.stderr.write(f"  hint: {plain(problem.hint)}\n")


def _say_usage(problem: Exception) -> int | None:
    """Say what is wrong with the call; nothing when the exception is not about the call.

    typer 0.29 carries a click of its own under a private name, older ones use click: what it can do tells it.
    """
    if isinstance(problem, typer.Abort):
        sys.stderr.write("cancelled\n")
        return int(ExitCode.CANCELLED)
    told = getattr(problem, "format_message", None)
    if told is None or not hasattr(problem, "exit_code"):
        return None
    sentence = " ".join(str(told()).split()).replace("Value error, ", "").removesuffix(".")
    if not sentence:  # no arguments at all: the exception shows the page of help
        problem.show()  # type: ignore[attr-defined]
        return int(ExitCode.BAD_INPUT)
    command = getattr(getattr(problem, "ctx", None), "command_path", app.info.name)
    say_problem(CallError(sentence[0].lower() + sentence[1:], hint=f"`{command} --help` says how it is called"))
    return int(ExitCode.BAD_INPUT)


def _say_bug() -> int:
    """A bug of ours: the traceback goes to a file, its place to the terminal."""
    from plait.workspace.home import plait_home

    text = traceback.format_exc()
    try:
        log = plait_home() / "bug.log"
        log.write_text(f"plait {__version__} on Python {sys.version}\n{' '.join(sys.argv)}\n{text}", encoding="utf-8")
        where = f"the traceback is in {log}"
    except (OSError, PlaitError):
        sys.stderr.write(text)
        where = "the traceback is above"
    last = text.strip().splitlines()[-1]
    sys.stderr.write(f"error: plait itself failed: {last}\n  hint: this is a bug; {where}\n")
    return int(ExitCode.BUG)
