"""A chart as a picture: one lane a task, coloured by role, forecast beside actual, batches below; a standalone SVG."""

import base64
import math
from collections.abc import Iterable, Sequence

from plait.plans.wording import count, one_line
from plait.show.pictures.chart import Chart, Lane, spell_tick, step_of, ticks_of
from plait.show.pictures.colours import colours_of
from plait.show.pictures.gantt_frame import (
    BOLD,
    Frame,
    column_width,
    draw_marks,
    font_of,
    marks_height,
    marks_room,
    place_marks,
    row_height,
)
from plait.show.pictures.gantt_shapes import draw_batches, draw_landings, draw_lane, draw_path
from plait.show.pictures.legend import chart_entries, draw_legend
from plait.show.pictures.svg import MARGIN, Theme, cut_to_room, drawing, line, rect, text, text_width

_AXIS = 30.0
"""Pixels for the words of a time axis."""
_TALL = 30
"""Rows from which on the axis is repeated below."""

LARGEST_IMAGE = 400_000
"""Characters of an address that holds a picture: it is stored in Prefect's database and sent with the page."""

_Row = Lane | str
"""A lane, or the name of the role whose lanes follow."""


def draw_gantt(chart: Chart, *, width: int = 960, theme: Theme = Theme.AUTO) -> str:
    """A standalone SVG of `width` pixels: no scripts, no fonts of its own, valid XML whatever the names are.

    Where there is a forecast alone its bars are pale with whiskers (P10 to P90 of the end); beside what happened
    they are thin, below the bars of the work.
    """
    rows, colours = _rows(chart), colours_of(chart.roles)
    head, head_end = _heading(chart, width)
    legend, legend_end = draw_legend(chart_entries(chart), colours, left=MARGIN, top=head_end, right=width - MARGIN)
    frame = _frame(chart, rows, top=legend_end + _AXIS, width=width)
    end_of_lanes = frame.y(len(rows) or 2)
    tall = len(rows) > _TALL
    bottom = end_of_lanes + (22 if tall else 4)
    placed = place_marks(frame, chart.marks)
    strip = bottom + marks_height(placed) + 8
    batches, strip_end = draw_batches(frame, chart.batches, strip)
    shapes = [
        *head,
        *legend,
        *_stripes(rows, frame, width),
        *_axis(frame, end_of_lanes),
        *draw_landings(frame, chart.batches, placed, bottom=end_of_lanes, strip=strip),
        *draw_path(frame, chart, {row.task: at for at, row in enumerate(rows) if isinstance(row, Lane)}),
        *draw_marks(frame, placed, bottom),
        *(_foot(frame, end_of_lanes) if tall else ()),
        *_draw_rows(frame, chart, rows, colours),
        *batches,
    ]
    return drawing(
        shapes, width=width, height=math.ceil(strip_end + 6), label=chart.title or "Gantt chart", theme=theme
    )


def as_data_uri(svg: str) -> str:
    """For `![…](…)`: base64, which Markdown cannot break and pages do not strip."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def gantt_uri(chart: Chart, *, most: int = LARGEST_IMAGE) -> str:
    """The chart as an image's address of at most `most` characters: lanes are left out, and counted, until it fits."""
    lanes = len(chart.lanes)
    uri = as_data_uri(draw_gantt(chart))
    while len(uri) > most and lanes:
        lanes = min(lanes - 1, int(lanes * 0.9 * most / len(uri)))
        uri = as_data_uri(draw_gantt(chart.cut(lanes)))
    return uri


def _rows(chart: Chart) -> list[_Row]:
    rows: list[_Row] = []
    for at, lane in enumerate(chart.lanes):
        if chart.grouped and (not at or chart.lanes[at - 1].role != lane.role):
            rows.append(lane.role)
        rows.append(lane)
    return rows


def _frame(chart: Chart, rows: Sequence[_Row], *, top: float, width: float) -> Frame:
    row = row_height(len(rows))
    names = column_width(chart.lanes, font_of(row), width)
    left = MARGIN + max(names, marks_room(chart.marks, end=chart.end, across=width / 2))
    return Frame(left=left, right=width - MARGIN, top=top, row=row, end=chart.end)


def _heading(chart: Chart, width: float) -> tuple[list[str], float]:
    """Title and figures, and where the legend can begin."""
    room = width - 2 * MARGIN
    shapes = [text(MARGIN, 27, cut_to_room(chart.title, 15 * 1.08, room), size=15, look="ink strong")]
    missing = [f"{count(chart.left_out, 'more task')} not shown"] if chart.left_out else []
    figures = " · ".join([*([chart.figures] if chart.figures else []), *missing])
    if figures:
        shapes.append(text(MARGIN, 46, cut_to_room(figures, 12, room), size=12, look="soft"))
    return shapes, 56.0 if figures else 38.0


def _stripes(rows: Sequence[_Row], frame: Frame, width: float) -> Iterable[str]:
    """Every other lane is shaded, so that the eye finds its way from the name to the bar."""
    for at, row in enumerate(rows):
        if at % 2 == 0 and isinstance(row, Lane):
            yield rect(MARGIN / 2, frame.y(at), width - MARGIN, frame.row, look="zebra")


def _axis(frame: Frame, bottom: float) -> Iterable[str]:
    for x, words, anchor in _ticks(frame):
        yield line(x, frame.top - 8, x, bottom, look="grid")
        yield text(x, frame.top - 13, words, size=11, look="soft", anchor=anchor)


def _foot(frame: Frame, bottom: float) -> Iterable[str]:
    """The words of the axis again, for charts that are higher than a screen; lines that pass go behind them."""
    for x, words, anchor in _ticks(frame):
        room = text_width(words, 11) + 4
        yield rect(x - room + 2 if anchor == "end" else x - room / 2, bottom + 6, room, 15, look="page")
        yield text(x, bottom + 18, words, size=11, look="soft", anchor=anchor)


def _ticks(frame: Frame) -> Iterable[tuple[float, str, str]]:
    """Where, what, and how the words stand to the place."""
    most = max(2, int((frame.right - frame.left) // 80))
    step = step_of(frame.end, most)
    for second in ticks_of(frame.end, most):
        x, words = frame.x(second), spell_tick(second, step)
        yield x, words, "end" if x + text_width(words, 11) / 2 > frame.right + MARGIN else "middle"


def _draw_rows(frame: Frame, chart: Chart, rows: Sequence[_Row], colours: dict[str, str]) -> Iterable[str]:
    both = chart.planned and chart.worked
    for at, row in enumerate(rows):
        if isinstance(row, Lane):
            yield from draw_lane(frame, at, row, colours, both=both)
        else:
            yield from _role_row(frame, at, row, colours[row])
    if not rows:
        words = "nothing ran" if chart.ran else "nothing is planned"
        yield text((frame.left + frame.right) / 2, frame.y(1), words, size=13, look="soft", anchor="middle")


def _role_row(frame: Frame, at: int, role: str, colour: str) -> Iterable[str]:
    base = frame.y(at) + frame.row * 0.72
    yield rect(MARGIN, base - 8, 9, 9, look="edge", fill=colour, round_by=2)
    name = cut_to_room(one_line(role, 40), frame.font * BOLD, frame.left - MARGIN - 20)
    yield text(MARGIN + 14, base, name, size=frame.font, look="soft strong")
