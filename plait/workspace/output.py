"""What a program printed: read from the end of its log, and cleaned for people to see."""

import os
import re
from collections.abc import Callable
from pathlib import Path

TAIL = 8192
"""Bytes of a log that are kept in memory."""
LINE = 200
"""Characters of a line that are shown beside a task."""

_ESCAPES = re.compile(
    r"""\x1b\[ [0-?]* [ -/]* [@-~]            # colours, cursor movements
      | \x1b[\]PX^_] [^\x07\x1b\n]* (?: \x07 | \x1b\\ )?  # titles, links: to their end, never past the line
      | \x1b [ -/]* [0-~]                      # two-character escapes
      | \x9b [0-?]* [ -/]* [@-~]""",
    re.VERBOSE,
)
# Control characters but tab and line feed; and the marks by which text shows in another order than it is written.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: bytes) -> str:
    """Text for people: decoded as UTF-8 with replacements, without escape sequences and control characters."""
    plain = _ESCAPES.sub("", text.decode("utf-8", "replace"))
    return _UNSEEN.sub("", plain.replace("\r\n", "\n").replace("\r", "\n"))


def plain(text: str) -> str:
    """Text that terminals, JSON and databases take: what quotes file names may hold escapes and surrogates of bytes."""
    return clean(text.encode("utf-8", "surrogatepass"))


def read_tail(log: Path, start: int = 0, size: int = TAIL) -> str:
    """The last `size` bytes of a log, cleaned, from byte `start` on; it begins with a whole line where there is one."""
    try:
        # The program may have put a named pipe or a link in its place: neither waited for nor followed.
        with open(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            end = file.seek(0, os.SEEK_END)
            begin = max(start, end - size)
            file.seek(begin)
            text = file.read(size)
    except OSError:
        return ""
    if begin > start and b"\n" in text[:-1]:
        text = text[text.index(b"\n") + 1 :]
    return clean(text)


def last_line(text: str) -> str:
    """The last line that says something, at most 200 characters of it."""
    for line in reversed(text.splitlines()):
        if words := line.strip():
            return words[:LINE]
    return ""


class Listener:
    """Tells the newest line of a growing log, at most five times a second."""

    interval = 0.2
    """Seconds between two looks."""

    def __init__(self, log: Path, start: int, on_line: Callable[[str], None]) -> None:
        self._log, self._start, self._on_line = log, start, on_line
        self._size = start
        self._next = 0.0
        self._told = ""

    def look(self, *, now: float) -> None:
        """Tell the last line if there is a new one; `now` is in seconds, of any clock that only goes forward."""
        if now < self._next:
            return
        self._next = now + self.interval
        try:
            size = self._log.stat(follow_symlinks=False).st_size
        except OSError:  # its program has deleted it
            return
        if size == self._size:
            return
        self._size = size
        line = last_line(read_tail(self._log, self._start, 4 * LINE))
        if line and line != self._told:
            self._told = line
            self._on_line(line)
