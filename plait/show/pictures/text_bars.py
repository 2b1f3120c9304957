"""The bars of one task as cells of a terminal."""

from dataclasses import dataclass

from plait.plans.tasks.outcomes import TaskState
from plait.show.pictures.cells import Piece
from plait.show.pictures.colours import shaded
from plait.show.pictures.lanes import Lane, PlannedBar

_SHADES = {TaskState.FAILED: "▓", TaskState.HELD: "▒"}


@dataclass(frozen=True, slots=True)
class Scale:
    """How seconds become columns."""

    end: float
    """The last second; the first is 0."""
    columns: int

    def column(self, second: float) -> int:
        """The column that holds a moment."""
        return min(self.columns - 1, max(0, int(self.columns * second / self.end)))

    def span(self, start: float, end: float) -> range:
        """The columns that a stretch of time covers by half at least, one for what took less."""
        first = min(self.columns - 1, round(self.columns * start / self.end))
        return range(first, max(first + 1, min(self.columns, round(self.columns * end / self.end))))


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a lane."""

    sign: str = " "
    tinted: bool = False
    """In the role's colour."""
    pale: bool = False
    """In a shade of it."""
    behind: bool = False
    """On a shade of it: what was, above what was forecast."""
    dim: bool = False

    @property
    def look(self) -> tuple[bool, bool, bool, bool]:
        return self.tinted, self.pale, self.behind, self.dim

    def piece(self, words: str, colour: str) -> Piece:
        shade = shaded(colour)
        tint = colour if self.tinted else shade if self.pale else ""
        return Piece(words, colour=tint, behind=shade if self.behind else "", dim=self.dim)


def planned_cells(lane: Lane, scale: Scale) -> list[Cell]:
    """A forecast alone."""
    drawn = [Cell()] * scale.columns
    if lane.planned is None:
        return drawn
    planned = lane.planned
    bar = scale.span(planned.start, planned.end)
    sure = bar.stop if planned.earliest is None else max(bar.start + 1, scale.column(planned.earliest))
    for column in bar:
        drawn[column] = Cell("█" if column < sure else "▓", tinted=True)
    _draw_whisker(drawn, planned, scale, bar.stop)
    return drawn


def _draw_whisker(drawn: list[Cell], planned: PlannedBar, scale: Scale, first: int) -> None:
    if planned.latest is None:
        return
    last = scale.column(planned.latest)
    for column in range(first, last + 1):
        drawn[column] = Cell("─" if column < last else "┤", dim=True)


def worked_cells(lane: Lane, scale: Scale) -> list[Cell]:
    """What was, alone; what failed or was handed back is shaded."""
    drawn = [Cell()] * scale.columns
    for bar in lane.bars:
        for column in scale.span(bar.start, bar.end):
            drawn[column] = Cell(_SHADES.get(bar.state, "█"), tinted=True)
    return drawn


def both_cells(lane: Lane, scale: Scale) -> list[Cell]:
    """The upper half is what was, the lower half what was forecast."""
    worked = {column for bar in lane.bars for column in scale.span(bar.start, bar.end)}
    planned = set(scale.span(lane.planned.start, lane.planned.end)) if lane.planned else set()
    return [_half_and_half(column in worked, column in planned) for column in range(scale.columns)]


def _half_and_half(worked: bool, planned: bool) -> Cell:
    if worked and planned:
        return Cell("▀", tinted=True, behind=True)
    if worked:
        return Cell("▀", tinted=True)
    return Cell("▄", pale=True) if planned else Cell()
