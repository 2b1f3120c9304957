"""The console script: what holds for every command before its modules are imported."""

import gc
import io
import os
import sys
from contextlib import suppress


def main() -> None:
    """Run the command that the arguments name; a Ctrl-C in the time that the imports take is as quiet as any other."""
    # A collector that looks at what is just being imported finds nothing, again and again: 5 % of `plait check`.
    gc.set_threshold(50_000, 20, 50)
    _put_python_path_last()
    _open_streams()
    _have_home()
    try:
        from plait.flows.commands.app import run_command

        status = run_command()
    except KeyboardInterrupt:
        sys.stderr.write("\ncancelled\n")
        status = 130  # as ExitCode.CANCELLED, which is not imported yet
    sys.exit(status)


def _put_python_path_last() -> None:
    """Find what is installed before what PYTHONPATH names: a `yaml.py` or `rich/` there is of the caller's project.

    Last, and not left out: some installations find their packages by it.
    """
    if sys.flags.ignore_environment or not (named := os.environ.get("PYTHONPATH")):
        return
    theirs = {_absolute(folder) for folder in named.split(os.pathsep)}
    sys.path.sort(key=lambda folder: _absolute(folder) in theirs)


def _absolute(folder: str) -> str:
    with suppress(OSError):  # the directory that we are in has been deleted
        return os.path.abspath(folder)  # noqa: PTH100  (pathlib is not imported)
    return folder


def _have_home() -> None:
    """Have a home where the system knows none (`docker run --user 1234`): Prefect wants one at its import."""
    named = os.environ.get("PLAIT_HOME", "")
    if os.path.expanduser("~") == "~" and os.path.isabs(named):  # noqa: PTH111, PTH117
        home = os.path.join(named, "home")  # noqa: PTH118
        with suppress(OSError):  # said when plait's own folder is made
            os.makedirs(home, mode=0o700, exist_ok=True)  # noqa: PTH103
        os.environ["HOME"] = home


def _open_streams() -> None:
    """Have three streams that can be written to, whatever the caller closed and whatever its terminal can show.

    Where one is closed (`plait run 2>&-`, some daemons), the next file that is opened would get its number, and a
    database would be written over by what is meant for people. Standard input stays none: who reads it says so.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # `?` for what Latin-1 does not have, in place of failing
