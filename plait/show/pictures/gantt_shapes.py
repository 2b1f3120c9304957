"""Draws the lanes of a chart (words, forecast with whiskers, what was worked on) and the batches below them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from plait.plans.tasks.states import TaskState
from plait.plans.wording import count, one_line, spell_seconds
from plait.show.pictures.chart import Bar, BatchBar, Chart, Lane, PlannedBar
from plait.show.pictures.gantt_frame import Frame, PlacedMark, fitted, is_clear
from plait.show.pictures.svg import MARGIN, diamond, line, polyline, rect, text, text_width, told, whisker

LOOKS = {TaskState.HELD: "edge dashed", TaskState.CANCELLED: "edge pale", TaskState.RUNNING: "edge pale"}

_VERDICT_ROWS = 2
"""Of words."""
_VERDICT_SIZE = 11.0


def draw_lane(frame: Frame, row: int, lane: Lane, colours: Mapping[str, str], *, both: bool) -> Iterable[str]:
    """`both`: the chart has forecast and actual, so that the forecast is a thin bar below."""
    yield from _words(frame, row, lane)
    colour = colours[lane.role]
    if lane.planned is not None:
        yield told(_planned(frame, row, lane.planned, colour, thin=both), _planned_hint(lane, lane.planned))
    for bar in lane.bars:
        yield told(_worked(frame, row, bar, colour, both=both), _worked_hint(bar))
    for asked, answered in lane.asked:
        hint = f"{one_line(lane.task)} · waited for a person, {spell_seconds(answered - asked)}"
        yield told(_asked(frame, row, asked, answered, both=both), hint)


def draw_path(frame: Frame, chart: Chart, rows: Mapping[str, int]) -> Iterable[str]:
    """The critical path as a line from the end of each task to the start of the next; drawn below the bars."""
    lanes = {lane.task: lane for lane in chart.lanes if lane.bars or lane.planned}
    steps = [task for task in chart.path if task in lanes]
    for before, after in pairwise(steps):
        left, right = frame.x(lanes[before].end), frame.x(lanes[after].start)
        if right >= left - 1:
            y1, y2 = (_middle(frame, rows[task], lanes[task], chart) for task in (before, after))
            yield polyline([(left, y1), (left, y2), (max(left, right), y2)], look="way")


def _middle(frame: Frame, row: int, lane: Lane, chart: Chart) -> float:
    both = chart.planned and chart.worked
    top, height = _under(frame, row) if both and not lane.bars else _over(frame, row, both=both)
    return top + height / 2


def _words(frame: Frame, row: int, lane: Lane) -> Iterable[str]:
    size = frame.font
    name, remark = fitted(lane, size, frame.left - MARGIN - 12)
    base = frame.y(row) + frame.row / 2 + size * 0.36
    yield text(MARGIN, base, name, size=size, look="ink strong" if lane.critical else "ink")
    if remark:
        yield text(frame.left - 12, base, remark, size=size, look="soft", anchor="end")


def _over(frame: Frame, row: int, *, both: bool) -> tuple[float, float]:
    """Upper edge and height of the main bars."""
    above, share = (0.12, 0.5) if both else (0.17, 0.66)
    return frame.y(row) + above * frame.row, share * frame.row


def _under(frame: Frame, row: int) -> tuple[float, float]:
    """The same of the thin bar below."""
    return frame.y(row) + 0.7 * frame.row, 0.18 * frame.row


def _planned(frame: Frame, row: int, planned: PlannedBar, colour: str, *, thin: bool) -> Iterable[str]:
    x, width = frame.extent(planned.start, planned.end)
    y, height = _under(frame, row) if thin else _over(frame, row, both=False)
    corner = 1.5 if thin else _corner(frame)
    yield rect(x, y, width, height, look="page", round_by=corner)  # pale bars show no lines that pass below
    yield rect(x, y, width, height, look="plan", fill=colour, round_by=corner)
    if planned.critical and not thin:
        yield rect(x, y, width, height, look="firm none", round_by=corner)
    if planned.earliest is not None and planned.latest is not None:
        left, right = frame.x(planned.earliest), frame.x(planned.latest)
        if right - left > 1.5:
            yield whisker(left, right, y + height / 2, height * (0.75 if thin else 0.28))


def _worked(frame: Frame, row: int, bar: Bar, colour: str, *, both: bool) -> Iterable[str]:
    (x, width), (y, height), corner = frame.extent(bar.start, bar.end), _over(frame, row, both=both), _corner(frame)
    look = LOOKS.get(bar.state, "edge")
    if look != "edge":
        yield rect(x, y, width, height, look="page", round_by=corner)  # pale bars show no lines that pass below
    yield rect(x, y, width, height, look=look, fill=colour, round_by=corner)
    if bar.state is TaskState.FAILED:
        yield rect(x, y, width, height, look="edge", fill="url(#hatch)", round_by=corner)
    if bar.critical:
        yield rect(x, y, width, height, look="firm none", round_by=corner)


def _asked(frame: Frame, row: int, start: float, end: float, *, both: bool) -> Iterable[str]:
    (x, width), (y, height) = frame.extent(start, end), _over(frame, row, both=both)
    yield rect(x, y, width, height, look="page", round_by=_corner(frame))
    yield rect(x, y, width, height, look="asked", round_by=_corner(frame))


def _corner(frame: Frame) -> float:
    return min(4.0, frame.row / 6)


def _planned_hint(lane: Lane, planned: PlannedBar) -> str:
    """`API · backend · forecast 2 h 00 min to 8 h 00 min (P10 7 h 10 min, P90 9 h 20 min) · slack 1 h 00 min`."""
    times = f"forecast {spell_seconds(planned.start)} to {spell_seconds(planned.end)}"
    if planned.earliest is not None and planned.latest is not None:
        times += f" (P10 {spell_seconds(planned.earliest)}, P90 {spell_seconds(planned.latest)})"
    slack = "critical" if planned.critical else f"slack {spell_seconds(planned.slack)}"
    waits = [f"waits {spell_seconds(planned.waits)}"] if planned.waits > 0 else []
    return one_line(" · ".join([lane.task, lane.role, times, slack, *waits]))


def _worked_hint(bar: Bar) -> str:
    took = spell_seconds(bar.end - bar.start)
    return one_line(f"{bar.task} · {bar.role} · {took} · {bar.state.value} · {count(bar.tries, 'try', 'tries')}")


def draw_landings(
    frame: Frame, batches: Sequence[BatchBar], placed: Sequence[PlacedMark], *, bottom: float, strip: float
) -> Iterable[str]:
    """A line through all lanes wherever something landed: down to the strip of batches, or to words in the way."""
    for batch in batches:
        if batch.landed:
            x = frame.x(batch.end)
            yield line(x, frame.top - 8, x, strip if is_clear(x, placed) else bottom, look="landing")


def draw_batches(frame: Frame, batches: Sequence[BatchBar], top: float) -> tuple[list[str], float]:
    """A strip of bars with two lines of words, and where it ends below; words without room are left to the hint."""
    drawn = [text(MARGIN, top + 11, "batches", size=_VERDICT_SIZE, look="soft")] if batches else []
    taken: list[float] = []
    for batch in sorted(batches, key=lambda batch: batch.start):
        x, width = frame.extent(batch.start, batch.end)
        words = f"{one_line(batch.id, 24)}: {_verdict(batch)}"
        shapes = [rect(x, top, width, 14, look="batch", round_by=3)]
        if batch.landed:
            shapes.append(diamond(x + width, top + 7, 7, look="ink"))
        late = x > frame.right - text_width(words, _VERDICT_SIZE)
        at = max(frame.left, frame.right - text_width(words, _VERDICT_SIZE)) if late else x
        row = next((row for row, full in enumerate(taken) if at >= full), len(taken))
        if row < _VERDICT_ROWS:
            place, anchor = (frame.right, "end") if late else (at, "start")
            shapes.append(text(place, top + 29 + 14 * row, words, size=_VERDICT_SIZE, look="soft", anchor=anchor))
            taken[row : row + 1] = [at + text_width(words, _VERDICT_SIZE) + 4]
        drawn.append(told(shapes, f"{words}, {spell_seconds(batch.end - batch.start)}"))
    return drawn, top + (22 + 14 * len(taken) if batches else 0)


def _verdict(batch: BatchBar) -> str:
    """`3 landed, 1 rejected, 2 verifications`."""
    parts = [(batch.landed, "landed"), (batch.rejected, "rejected")]
    counts = [f"{number} {word}" for number, word in parts if number] or ["nothing landed"]
    return ", ".join([*counts, *([count(batch.verifications, "verification")] if batch.verifications else [])])
