"""Reads a folder of task specs from the disk; whatever is hostile about it is one clear mistake for each file."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from plait.plans.errors import CallError, PlanError, Problem
from plait.plans.language.model import MAX_TASKS
from plait.plans.language.reading import MAX_BYTES
from plait.plans.phrases import quoted
from plait.plans.specs.specs import MAX_FOLDER_BYTES, SpecFile, SpecFolder

PLAN_NAMES = ("plan.yaml", "plan.yml")
FOR_PEOPLE = "readme.md"
"""What a folder says about itself: no task."""


def read_spec_folder(path: Path) -> SpecFolder:
    """All task specs of a folder: its `*.md` files, but for README.md and those that begin with a dot or `_`.

    Raises:
        CallError: the folder cannot be read.
        PlanError: it holds more files or more text than a plan may.
    """
    place = path.resolve()
    try:
        names = sorted(_wanted(place, str(path)), key=_counted)
    except OSError as problem:
        raise CallError(f"cannot read {path}: {problem.strerror}") from None
    problems, files, size = list[Problem](), dict[str, SpecFile](), 0
    for name in names:
        try:
            files[name] = SpecFile(name, _content(place, name))
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


def _wanted(place: Path, source: str) -> Iterator[str]:
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


def _content(place: Path, name: str) -> bytes:
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
