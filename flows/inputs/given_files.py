"""Reads what a person names: a file, standard input, a folder of task specs; never more of it than a plan may be."""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from plait.plans.errors import CallError, PlanError, Problem
from plait.plans.language.documents import MAX_BYTES, checked_text
from plait.plans.language.model import MAX_TASKS
from plait.plans.wording import quoted
from plait.workspace.places import is_folder

if TYPE_CHECKING:  # what reads Markdown is imported where there is a folder of it
    from plait.plans.specs.spec_folder import SpecFolder

STANDARD_INPUT = Path("-")
"""What a person types for it, as for other programs; a file of this name is `./-`."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

PLAN_NAMES = ("plan.yaml", "plan.yml")
FOR_PEOPLE = "readme.md"
"""What a folder says about itself: no task."""


def read_given_file(path: Path) -> str:
    """The text of a file.

    Raises:
        CallError: there is no such file, it is none (a device would never end), or it cannot be read.
        PlanError: it is larger than a plan may be, or no text.
    """
    try:
        return checked_text(_content(path), source=str(path))
    except FileNotFoundError:
        near = sorted(str(file) for file in path.parent.glob("*.y*ml"))[:3] if is_folder(path.parent) else []
        raise CallError(f"there is no file {path}", hint=f"there is {', '.join(near)}" if near else None) from None
    except OSError as problem:
        raise CallError(f"cannot read {path}: {problem.strerror}") from None


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


def read_spec_folder(path: Path) -> "SpecFolder":
    """All task specs of a folder: its `*.md` files, but for README.md and those that begin with a dot or `_`.

    Raises:
        CallError: the folder cannot be read.
        PlanError: it holds more files or more text than a plan may.
    """
    from plait.plans.specs.spec_folder import MAX_FOLDER_BYTES, SpecFile, SpecFolder

    place = path.resolve()
    try:
        names = sorted(_spec_names(place, str(path)), key=_counted)
    except OSError as problem:
        raise CallError(f"cannot read {path}: {problem.strerror}") from None
    problems, files, size = list[Problem](), dict[str, SpecFile](), 0
    for name in names:
        try:
            files[name] = SpecFile(name, _spec_content(place, name))
        except _RefusedError as refused:
            problems.append(refused.problem)
            continue
        size += len(files[name].content)
        if size > MAX_FOLDER_BYTES:
            raise PlanError(str(path), (Problem(f"holds more than {MAX_FOLDER_BYTES // 1024**2} MiB of specs"),))
    plans = [files.pop(name) for name in PLAN_NAMES if name in files]
    if len(plans) > 1:
        problems.append(Problem("stands beside plan.yaml: which one is the plan?", file=plans[1].name))
    return SpecFolder(place, tuple(files.values()), plans[0] if plans else None, tuple(problems))


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


def _spec_names(place: Path, source: str) -> Iterator[str]:
    count = 0
    with os.scandir(place) as entries:
        for entry in entries:
            name = entry.name
            is_spec = name.casefold().endswith(".md") and not name.startswith((".", "_"))
            if name in PLAN_NAMES or (is_spec and name.casefold() != FOR_PEOPLE):
                yield name
                count += 1
            if count > MAX_TASKS + len(PLAN_NAMES):
                raise PlanError(source, (Problem(f"holds more than {MAX_TASKS:,} specs"),))


def _counted(name: str) -> tuple[list[str | int], str]:
    """`2-b.md` before `10-a.md`; the split makes text and numbers take turns."""
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", name))], name


class _RefusedError(Exception):
    def __init__(self, name: str, message: str, hint: str | None = None) -> None:
        super().__init__(name, message, hint)
        shown = name if name.isprintable() else quoted(name)
        self.problem = Problem(message, hint=hint, file=shown)


def _spec_content(place: Path, name: str) -> bytes:
    """A file's content, or as much of it as shows that it is too large; links are not followed."""
    if not name.isprintable():
        raise _RefusedError(name, "has characters in its name that cannot be shown", "rename it")
    try:
        handle = os.open(place / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            hint = "copy the file here: a link may lead out of the folder"
            raise _RefusedError(name, "is a symbolic link", hint) from None
        raise _RefusedError(name, f"cannot be read: {problem.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _RefusedError(name, "is not a plain file")
    with os.fdopen(handle, "rb") as file:
        return file.read(MAX_BYTES + 1)
