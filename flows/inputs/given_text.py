"""Reads the text that a person names: a file of any name, or standard input; never more of it than a plan may be."""

import os
import stat
import sys
from pathlib import Path

from plait.plans.errors import CallError
from plait.plans.language.reading import MAX_BYTES, checked_text

STANDARD_INPUT = Path("-")
"""What a person types for it, as for other programs; a file of this name is `./-`."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_given_file(path: Path) -> str:
    """The text of a file.

    Raises:
        CallError: there is no such file, it is none (a device would never end), or it cannot be read.
        PlanError: it is larger than a plan may be, or no text.
    """
    try:
        return checked_text(_content(path), source=str(path))
    except FileNotFoundError:
        near = sorted(str(found) for found in path.parent.glob("*.y*ml"))[:3] if path.parent.is_dir() else []
        raise CallError(f"there is no file {path}", hint=f"there is {', '.join(near)}" if near else None) from None
    except OSError as problem:
        raise CallError(f"cannot read {path}: {problem.strerror}") from None


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that could be none, such as one that is too long, names none."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_standard_input() -> str:
    """The text that is piped or typed in, to its end.

    Raises:
        CallError: it is closed.
        PlanError: it is longer than a plan may be, or no text.
    """
    if sys.stdin is None:  # `plait check - <&-`
        raise CallError("standard input is closed", hint="name a plan file, or pipe its text in")
    try:
        return checked_text(sys.stdin.buffer.read(MAX_BYTES + 1), source=str(STANDARD_INPUT))
    except OSError as problem:
        raise CallError(f"cannot read standard input: {problem.strerror}") from None


def _content(path: Path) -> bytes:
    """As much of a file as shows that it is too large; what is not a file is not even opened."""
    _refuse_other(path, path.stat().st_mode)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        _refuse_other(path, os.fstat(handle).st_mode)
        os.set_blocking(handle, True)
        return file.read(MAX_BYTES + 1)


def _refuse_other(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode) or (stat.S_ISFIFO(mode) and _is_of_this_process(path)):
        return
    kind = _KINDS.get(stat.S_IFMT(mode), "something else")
    hint = "a plan can be piped in: name it -" if stat.S_ISFIFO(mode) else None
    raise CallError(f"{path} is {kind}, and not a file", hint=hint)


def _is_of_this_process(path: Path) -> bool:
    """A pipe that the shell has opened for us, as for `plait check <(program)`: it ends when the program does."""
    return path.resolve().parent == Path("/dev/fd").resolve()
