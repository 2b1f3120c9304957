"""Lays words out for a terminal: columns under their headings, paragraphs, and what is left out where it is narrow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from plait.show.pictures.cells import Line, Piece, cells, cut

_GAP = 2


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
            yield _said(line, look, indent)
            line = ""
        line = f"{line} {word}" if line else word
    yield _said(line, look, indent)


def _pieces_of(word: str, room: int) -> Iterator[str]:
    while cells(word) > room:
        taken = cut(word, room + 1)[:-1]
        yield taken
        word = word[len(taken) :]
    yield word


def _said(words: str, look: Piece, indent: int) -> Line:
    return (Piece(" " * indent + words, colour=look.colour, bold=look.bold, dim=look.dim),)
