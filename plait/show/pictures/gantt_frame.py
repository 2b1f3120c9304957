"""How seconds and lanes become pixels on a chart, and where the lines of the whole plan have their words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plait.show.pictures.chart import Lane, Mark
from plait.show.pictures.svg import cut_to_room, line, shortened_inside, text, text_width

_GAP = 12.0
"""Between a lane's words and its bars."""
BOLD = 1.08
"""How much wider bold letters are."""

_MARK_SIZE = 11.0
_MARK_LINE = 15.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the picture that has lanes."""

    left: float
    """Where the first second is."""
    right: float
    """Where the last second is."""
    top: float
    row: float
    """Height of a lane."""
    end: float
    """The last second; the first is 0."""

    def x(self, second: float) -> float:
        return self.left + (self.right - self.left) * second / self.end

    def y(self, row: int) -> float:
        """The upper edge of a row."""
        return self.top + self.row * row

    def extent(self, start: float, end: float) -> tuple[float, float]:
        """Left edge and width; what took no time can still be seen."""
        width = max(2.0, self.x(end) - self.x(start))
        return min(self.x(start), self.right - width), width

    @property
    def font(self) -> float:
        return font_of(self.row)


def row_height(rows: int) -> float:
    """Few tasks get room, many stay on one picture."""
    return next((height for most, height in ((12, 30.0), (40, 23.0), (100, 17.0)) if rows <= most), 14.0)


def font_of(row: float) -> float:
    """Size of the words in a lane."""
    return min(12.5, max(9.5, row * 0.6))


def words_width(lane: Lane, size: float) -> float:
    """Pixels that a lane's name and remark want."""
    name = text_width(lane.name, size) * (BOLD if lane.critical else 1)
    return name + (text_width(f"  {lane.remark}", size) if lane.remark else 0.0)


def column_width(lanes: tuple[Lane, ...], size: float, width: float) -> float:
    """Pixels of the column of names: what the widest wants, but no more than a third of the picture."""
    return min(max((words_width(lane, size) for lane in lanes), default=0.0), width * 0.32) + _GAP


def fitted(lane: Lane, size: float, room: float) -> tuple[str, str]:
    """Name and remark as far as they fit: the remark stays, the name is cut inside."""
    remark = cut_to_room(lane.remark, size, room * 0.6)
    taken = text_width(f"  {remark}", size) if remark else 0.0
    return shortened_inside(lane.name, size * (BOLD if lane.critical else 1), room - taken + 0.5), remark


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
        at = x - text_width(mark.words, _MARK_SIZE) - 5
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
    return max((text_width(mark.words, _MARK_SIZE) + 8 - across * mark.second / end for mark in marks), default=0.0)


def marks_height(placed: Sequence[PlacedMark]) -> float:
    """Pixels that the words take."""
    return _MARK_LINE * (1 + max(foot.row for foot in placed)) + 4 if placed else 0.0


def is_clear(x: float, placed: Sequence[PlacedMark]) -> bool:
    """Whether a line at `x` would go through no words."""
    return not any(foot.words_at - 3 <= x <= foot.x + 3 for foot in placed)


def draw_marks(frame: Frame, placed: Sequence[PlacedMark], bottom: float) -> Iterable[str]:
    """`bottom`: where lanes and axis end, and the words begin."""
    for foot in placed:
        y = bottom + _MARK_LINE * (foot.row + 1)
        yield line(foot.x, frame.top - 8, foot.x, y, look=foot.mark.look)
        look = "accent" if foot.mark.look.startswith("p") else "ink"
        yield text(foot.x - 5, y - 2, foot.mark.words, size=_MARK_SIZE, look=look, anchor="end")
