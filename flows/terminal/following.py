"""Prints logs to their end, or on while they grow: one as it is, or several with the name of each before its lines."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from plait.flows.terminal.printing import LONGEST_LINE, copy_to
from plait.flows.terminal.readable_streams import ReadableStream
from plait.plans.errors import CallError

LOOK_SECONDS = 0.2
"""How often a log that grows is looked at."""
_CHUNK = 65536


def print_log(file: Path, stream: BinaryIO, *, going_on: Callable[[], bool], is_whole: bool = False) -> bool:
    """Copy a log until its end, and on for as long as `going_on` says so; whether there was anything.

    Args:
        is_whole: As it is, also where it is the stream of an agent program.

    Raises:
        CallError: something that is no log stands there.
    """
    while not file.exists():
        if not going_on():
            return False
        time.sleep(LOOK_SECONDS)
    some, readable = False, ReadableStream()
    with open_log(file) as log, copy_to(stream) as write:
        while True:
            more = going_on()
            while chunk := log.read(_CHUNK):
                some = True
                write(chunk if is_whole else readable.feed(chunk))
            if not more:
                write(readable.close())
                return some
            time.sleep(LOOK_SECONDS)


def open_log(file: Path) -> BinaryIO:
    """Open a log for reading: a named pipe in its place is not waited for, a link not followed.

    Raises:
        CallError: something that is no log stands there.
    """
    try:
        return open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")  # noqa: PTH123
    except OSError as problem:
        raise CallError(f"cannot read {file}: {problem.strerror}") from None


def ends_with_a_line(file: Path) -> bool:
    """Whether what comes after a log begins in a line of its own."""
    with open_log(file) as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - 1))
        return log.read(1) in (b"", b"\n")


@dataclass(frozen=True, slots=True)
class Followed:
    """A log, and the name that its lines get."""

    name: str
    path: Path


class _Growing:
    """How far a log has been read, and the line that has not ended."""

    def __init__(self) -> None:
        self.offset = 0
        self.rest = b""
        self.readable = ReadableStream()

    def lines(self, log: Followed, *, last: bool) -> list[bytes]:
        """The whole lines that have come since; at the end also the one without an end."""
        try:
            with open_log(log.path) as file:
                file.seek(self.offset)
                chunk = file.read(16 * _CHUNK)
        except (CallError, OSError):
            return []
        self.offset += len(chunk)
        *whole, self.rest = (self.rest + chunk).split(b"\n")
        if self.rest and ((last and len(chunk) < 16 * _CHUNK) or len(self.rest) > LONGEST_LINE):
            whole, self.rest = [*whole, self.rest], b""
        return whole

    def is_behind(self, log: Followed) -> bool:
        """Whether there is more to read."""
        try:
            return log.path.lstat().st_size > self.offset
        except OSError:
            return False


def follow_all(logs: Callable[[], Sequence[Followed]], stream: BinaryIO, *, going_on: Callable[[], bool]) -> bool:
    """Print `NAME | line` of all logs as the lines come, until `going_on` says no; whether there was anything.

    `logs`: those that there are now; asked again and again.
    """
    known: dict[Followed, _Growing] = {}
    width = 0
    with copy_to(stream) as write:
        while True:
            more = going_on()
            there = logs()
            width = max([width, *(len(log.name) for log in there)])
            for log in there:
                growing = known.setdefault(log, _Growing())
                while True:
                    for line in growing.lines(log, last=not more):
                        for told in growing.readable.feed(line + b"\n").split(b"\n")[:-1]:
                            write(f"{log.name:{width}} | ".encode() + told + b"\n")
                    if not growing.is_behind(log):
                        break
            if not more:
                return bool(known)
            time.sleep(LOOK_SECONDS)
