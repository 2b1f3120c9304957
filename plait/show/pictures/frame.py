"""How seconds and lanes become pixels on a chart."""

from dataclasses import dataclass

from plait.show.pictures.lanes import Lane
from plait.show.pictures.svg import shortened, shortened_inside, text_width

MARGIN = 18.0
_GAP = 12.0
"""Between a lane's words and its bars."""
BOLD = 1.08
"""How much wider bold letters are."""


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
    remark = shortened(lane.remark, size, room * 0.6)
    taken = text_width(f"  {remark}", size) if remark else 0.0
    return shortened_inside(lane.name, size * (BOLD if lane.critical else 1), room - taken + 0.5), remark
