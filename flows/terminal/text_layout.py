"""Lays words out for a terminal: columns under their headings, paragraphs, reports, and times that fit a column."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from plait.flows.terminal.printing import terminal_width
from plait.plans.language.durations import format_duration
from plait.plans.wording import coarse_step
from plait.show.pictures.cells import Line, Piece, cells, cut

_GAP = 2
_COMMANDS = "next:"
"""What stands above commands in a report."""
_MORE = 2
"""Columns that the further lines of a sentence stand in from its first."""
_DAYS = 360_000
_STEPS = ((_DAYS, 3600), (3600, 60), (60, 1))
"""From how many seconds on a time is told in steps of how many."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and how the cells below it stand."""

    title: str = ""
    right: bool = False
    most: int = 200
    """Terminal columns; what is longer is cut."""
    spare: int = 0
    """Where there is no room the column with the largest goes first; 0 stays."""


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[Line]], *, width: int) -> list[Line]:
    """A line for the headings, when there are any, and one for each row; cells hold what one line may.

    As wide as the cells, and as `width` unless even the columns that stay are wider.
    """
    table = [[_cut(cell, column.most) for cell, column in zip(row, columns, strict=True)] for row in rows]
    titles: list[Line] = [(Piece(column.title, bold=True),) for column in columns]
    if any(column.title for column in columns):
        table.insert(0, titles)
    rooms = [max(_width(cell) for cell in below) for below in zip(*table, strict=True)] if table else []
    shown = _shown(columns, rooms, width)
    return [_row([(row[at], rooms[at], columns[at].right) for at in shown]) for row in table]


def _shown(columns: Sequence[Column], rooms: Sequence[int], width: int) -> list[int]:
    """The columns that there is room for."""
    shown = [at for at, room in enumerate(rooms) if room]
    spare = sorted((at for at in shown if columns[at].spare), key=lambda at: -columns[at].spare)
    while spare and sum(rooms[at] for at in shown) + _GAP * (len(shown) - 1) > width:
        shown.remove(spare.pop(0))
    return shown


def _row(row: Sequence[tuple[Line, int, bool]]) -> Line:
    pieces: list[Piece] = []
    blank = 0
    for cell, room, right in row:
        left_over = room - _width(cell)
        blank += left_over if right else 0
        pieces += [Piece(" " * blank)] * bool(blank)
        pieces += cell
        blank = _GAP + (0 if right else left_over)
    return tuple(pieces)


def _cut(cell: Line, most: int) -> Line:
    if _width(cell) <= most:
        return cell
    look = cell[0]
    words = cut("".join(piece.words for piece in cell), most)
    return (Piece(words, colour=look.colour, behind=look.behind, bold=look.bold, dim=look.dim),)


def _width(line: Line) -> int:
    return sum(cells(piece.words) for piece in line)


def paragraph(words: str, *, width: int, look: Piece | None = None, indent: int = 0) -> Iterator[Line]:
    """The words in lines of at most that width, all in one look; a word that is longer is broken."""
    look = look or Piece("")
    room = max(8, width - indent)
    line = ""
    for word in chain.from_iterable(_pieces_of(word, room) for word in words.split()):
        if line and cells(line) + 1 + cells(word) > room:
            yield _indented(line, look, indent)
            line = ""
        line = f"{line} {word}" if line else word
    yield _indented(line, look, indent)


def _pieces_of(word: str, room: int) -> Iterator[str]:
    while cells(word) > room:
        taken = cut(word, room + 1)[:-1]
        yield taken
        word = word[len(taken) :]
    yield word


def _indented(words: str, look: Piece, indent: int) -> Line:
    return (Piece(" " * indent + words, colour=look.colour, bold=look.bold, dim=look.dim),)


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


def short_time(seconds: float, *, step: int | None = None) -> str:
    """`9.5s`, `3m20s`, `11h23m`, `41h`, `12d`: what fits a column; in steps of so many seconds."""
    step = step or next((fine for least, fine in _STEPS if abs(seconds) >= least - fine / 2), 0)
    rounded = round(seconds / step) * step if step else round(seconds, 1)
    if not 36_000 <= abs(rounded) < _DAYS:
        return format_duration(rounded) if rounded else "0"
    hours, minutes = divmod(round(abs(rounded) / 60), 60)
    return f"{'-' if rounded < 0 else ''}{hours}h{f'{minutes}m' if minutes else ''}"


def rough_time(seconds: float) -> str:
    """As `short_time`, no finer than a simulation can tell."""
    return short_time(seconds, step=coarse_step(seconds))
