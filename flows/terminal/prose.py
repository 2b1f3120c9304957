"""Breaks lines of text between words for a terminal; commands that are to be copied stay whole."""

import sys
from collections.abc import Iterable, Iterator

from plait.flows.terminal.columns import paragraph
from plait.flows.terminal.drawing import terminal_width

_COMMANDS = "next:"
"""What stands above commands in a report."""
_MORE = 2
"""Columns that the further lines of a sentence stand in from its first."""


def for_reading(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a report as wide as the terminal; as they are where there is none."""
    return wrapped(lines, width=terminal_width()) if sys.stdout.isatty() else iter(lines)


def wrapped(lines: Iterable[str], *, width: int) -> Iterator[str]:
    """Each line in as many as it needs, up to the commands."""
    whole = False
    for line in lines:
        whole = whole or line == _COMMANDS
        yield from [line] if whole else _broken(line, width)


def _broken(line: str, width: int) -> Iterator[str]:
    words = line.lstrip()
    indent = len(line) - len(words)
    first, *more = (piece for (piece,) in paragraph(words, width=width, indent=indent))
    yield first.words
    if more:
        rest = " ".join(piece.words.strip() for piece in more)
        yield from (piece.words for (piece,) in paragraph(rest, width=width, indent=indent + _MORE))
