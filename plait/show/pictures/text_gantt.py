"""A chart in the cells of a terminal: a line for each task, times above, never wider than it may be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, one_line
from plait.show.pictures.cells import Line, Piece, cells, cut, cut_inside, filled
from plait.show.pictures.chart import Chart, Lane, PlannedBar, spell_tick, step_of, ticks_of
from plait.show.pictures.colours import colours_of, shaded

_SHADES = {TaskState.FAILED: "▓", TaskState.HELD: "▒"}

NARROWEST = 30
"""Columns below which nothing can be drawn; narrower terminals wrap."""
_WITH_ROLES = 60
"""Columns from which on roles have a column of their own."""


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


def text_gantt(chart: Chart, *, width: int) -> list[Line]:
    """The chart in lines of at most `width` columns (30 at least), without colour as telling as with it.

    A plan alone has full blocks until nine of ten runs go on, shaded ones until the expected end, then a line to P90.
    With a run the upper half of a line is what was, the lower half what was forecast.
    """
    width = max(NARROWEST, width)
    names = _names_width(chart, width)
    roles = _roles_width(chart, width)
    scale = Scale(chart.end, width - 2 - names - roles - 1)
    left = 2 + names + roles
    colours = colours_of(chart.roles)
    lines: list[Line] = [(Piece(cut(chart.title, width), bold=True),)]
    lines += [(Piece(cut(words, width), dim=True),) for words in _said(chart, width)]
    lines += [_axis(scale, left), *_lanes(chart, scale, names, roles, colours)]
    if chart.planned and chart.worked:
        lines.append(
            (Piece("▀ actual  ▄ forecast  ", dim=True), Piece("▀", "#B0B0B0", "#585858"), Piece(" both", dim=True))
        )
    return [*lines, *((Piece(cut(words, width), dim=True),) for words in _legend(chart))]


def _said(chart: Chart, width: int) -> Iterable[str]:
    """The figures, in a second line where one is too short."""
    line = ""
    for words in chart.figures.split(" · ") if chart.figures else ():
        if line and cells(line) + 3 + cells(words) > width:
            yield line
            line = words
        else:
            line = f"{line} · {words}" if line else words
    if line:
        yield line


def _names_width(chart: Chart, width: int) -> int:
    """The widest name and its remark, and a blank; where that is too much names are cut, and remarks last."""
    wanted = max((cells(lane.name) + cells(_remark(lane)) for lane in chart.lanes), default=0)
    share = 0.34 if any(lane.remark for lane in chart.lanes) else 0.28
    return min(wanted, max(10, int(width * share))) + 1


def _roles_width(chart: Chart, width: int) -> int:
    if width < _WITH_ROLES:
        return 0
    return min(max((cells(one_line(role, 40)) for role in chart.roles), default=0), int(width * 0.14)) + 1


def _label(lane: Lane, room: int) -> str:
    remark = cut(_remark(lane), int(room * 0.7))
    return filled(cut_inside(lane.name, room - 1 - cells(remark)) + remark, room)


def _remark(lane: Lane) -> str:
    return f" {lane.remark}" if lane.remark else ""


def _axis(scale: Scale, left: int) -> Line:
    """Marks above their column, the first at the first second."""
    most = max(1, scale.columns // 7)
    step, line = step_of(scale.end, most), ""
    for second in ticks_of(scale.end, most):
        words, at = spell_tick(second, step), scale.column(second)
        if at + cells(words) <= scale.columns and (not line or at > cells(line)):
            line = filled(line, at) + words
    return (Piece(" " * left + line, dim=True),)


def _lanes(chart: Chart, scale: Scale, names: int, roles: int, colours: Mapping[str, str]) -> Iterable[Line]:
    both = chart.planned and chart.worked
    marked = {scale.column(mark.second) for mark in chart.marks}
    for lane in chart.lanes:
        draw = both_cells if both else worked_cells if lane.bars else planned_cells
        drawn = _with_marks(_with_questions(draw(lane, scale), lane, scale), marked)
        colour, bold = colours[lane.role], lane.critical
        yield (
            Piece("● " if bold else "  ", bold=bold),
            Piece(_label(lane, names), bold=bold),
            *([Piece(filled(one_line(lane.role, 40), roles - 1) + " ", colour=colour)] if roles else []),
            *_pieces(drawn, colour),
        )
    if not chart.lanes:
        yield (Piece("  nothing ran" if chart.ran else "  nothing is planned", dim=True),)


def _with_questions(drawn: list[Cell], lane: Lane, scale: Scale) -> list[Cell]:
    """When a person was asked, where nothing else is."""
    for column in (column for times in lane.asked for column in scale.span(*times)):
        if drawn[column].sign == " ":
            drawn[column] = Cell("░", dim=True)
    return drawn


def _with_marks(drawn: list[Cell], marked: Iterable[int]) -> list[Cell]:
    """The lines of the whole plan, where nothing else is."""
    for column in marked:
        if drawn[column].sign == " ":
            drawn[column] = Cell("┊", dim=True)
    return drawn


def _pieces(drawn: list[Cell], colour: str) -> Iterable[Piece]:
    """Neighbours of one look together."""
    words, last = "", drawn[0]
    for cell in drawn:
        if cell.look != last.look:
            yield last.piece(words, colour)
            words = ""
        words, last = words + cell.sign, cell
    yield last.piece(words.rstrip(), colour) if not last.behind else last.piece(words, colour)


def _legend(chart: Chart) -> Iterable[str]:
    if chart.left_out:
        yield f"{count(chart.left_out, 'more task')} not shown"
    if chart.worked and not chart.planned:
        seen = {bar.state for lane in chart.lanes for bar in lane.bars}
        shades = ((TaskState.FAILED, "▓ failed"), (TaskState.HELD, "▒ handed back or held"))
        yield from (words for state, words in shades if state in seen)
    if any(lane.asked for lane in chart.lanes):
        yield "░ a person was asked"
    if not chart.worked and any(lane.planned and lane.planned.latest is not None for lane in chart.lanes):
        yield "█ until P10  ▓ until the expected end  ─┤ until P90"
    if any(lane.critical for lane in chart.lanes):
        yield "● critical path"
    if chart.marks:
        yield "┊ " + ", ".join(mark.words for mark in sorted(chart.marks, key=lambda mark: mark.second))
