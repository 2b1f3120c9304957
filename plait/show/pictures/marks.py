"""Draws the lines of a chart that stand for the whole plan, each with its words at the foot, none over another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plait.show.pictures.chart import Mark
from plait.show.pictures.frame import Frame
from plait.show.pictures.svg import line, text, text_width

_SIZE = 11.0
_LINE = 15.0


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A line and where its words go."""

    mark: Mark
    x: float
    words_at: float
    """The left edge of the words, which end beside the line; rather too far left."""
    row: int


def place_marks(frame: Frame, marks: Sequence[Mark]) -> tuple[PlacedMark, ...]:
    """Words to the left of the foot of their line, which ends there: in the first row that no other line crosses."""
    placed: list[PlacedMark] = []
    crossed: list[float] = []
    """By row, the last line that goes through it."""
    for mark in sorted(marks, key=lambda mark: mark.second):
        x = frame.x(mark.second)
        at = x - text_width(mark.words, _SIZE) - 5
        row = next((row for row, last in enumerate(crossed) if at > last + 3), len(crossed))
        crossed = [x] * (row + 1) + crossed[row + 1 :]
        placed.append(PlacedMark(mark, x, at, row))
    return tuple(placed)


def marks_room(marks: Sequence[Mark], *, end: float, across: float) -> float:
    """Pixels that the words of early marks want to the left of the first second.

    Args:
        end: The last second.
        across: Pixels from the first second to the last, rather too few than too many.
    """
    return max((text_width(mark.words, _SIZE) + 8 - across * mark.second / end for mark in marks), default=0.0)


def marks_height(placed: Sequence[PlacedMark]) -> float:
    """Pixels that the words take."""
    return _LINE * (1 + max(one.row for one in placed)) + 4 if placed else 0.0


def is_clear(x: float, placed: Sequence[PlacedMark]) -> bool:
    """Whether a line at `x` would go through no words."""
    return not any(one.words_at - 3 <= x <= one.x + 3 for one in placed)


def draw_marks(frame: Frame, placed: Sequence[PlacedMark], bottom: float) -> Iterable[str]:
    """`bottom`: where lanes and axis end, and the words begin."""
    for one in placed:
        y = bottom + _LINE * (one.row + 1)
        yield line(one.x, frame.top - 8, one.x, y, look=one.mark.look)
        look = "accent" if one.mark.look.startswith("p") else "ink"
        yield text(one.x - 5, y - 2, one.mark.words, size=_SIZE, look=look, anchor="end")
