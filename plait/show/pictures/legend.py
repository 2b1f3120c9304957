"""What the colours and patterns of a chart mean, in as many lines as it takes."""

from collections.abc import Iterable, Mapping

from plait.plans.tasks.states import TaskState
from plait.plans.wording import one_line
from plait.show.pictures.chart import Chart
from plait.show.pictures.svg import diamond, line, rect, text, text_width, whisker

_SIZE = 11.5
_LINE = 19
_SWATCH = 12
_NEUTRAL = "#8B949E"
_STATES = {
    TaskState.FAILED: ("failed", "edge"),
    TaskState.HELD: ("handed back or held", "edge dashed"),
    TaskState.CANCELLED: ("cancelled", "edge pale"),
    TaskState.RUNNING: ("still running", "edge pale"),
}
_Entry = tuple[str, str]
"""What a sign stands for, and its words."""


def draw_legend(
    entries: Iterable[_Entry], colours: Mapping[str, str], *, left: float, top: float, right: float
) -> tuple[list[str], float]:
    """The shapes, and where they end below."""
    shapes: list[str] = []
    x, y = left, top
    for kind, words in entries:
        need = _SWATCH + 6 + text_width(words, _SIZE) + 7
        if x > left and x + need > right:
            x, y = left, y + _LINE
        shapes += [*_sign(kind, x, y + 3, colours), text(x + _SWATCH + 6, y + 13, words, size=_SIZE)]
        x += need
    return shapes, y + (_LINE if shapes else 0)


def role_entries(roles: Iterable[str]) -> Iterable[_Entry]:
    """A colour each."""
    for role in roles:
        yield f"role {role}", one_line(role, 40)


def chart_entries(chart: Chart) -> Iterable[_Entry]:
    """Only what occurs in the chart."""
    yield from role_entries(chart.roles)
    if chart.planned:
        yield ("both", "actual above forecast") if chart.worked else ("planned", "forecast")
    if any(lane.planned and lane.planned.latest is not None for lane in chart.lanes):
        yield "whisker", "P10–P90 of its end"
    if any(mark.look == "p50" for mark in chart.marks):
        yield "chances", "P50, P80, P95 of the plan"
    occurring = {bar.state for lane in chart.lanes for bar in lane.bars}
    for state, (words, _look) in _STATES.items():
        if state in occurring:
            yield state.value, words
    if any(lane.asked for lane in chart.lanes):
        yield "asked", "a person was asked"
    if any(lane.critical for lane in chart.lanes):
        yield "critical", "critical path"
    if any(batch.landed for batch in chart.batches):
        yield "landing", "landed"


def _sign(kind: str, x: float, y: float, colours: Mapping[str, str]) -> Iterable[str]:
    middle = y + _SWATCH / 2
    if kind.startswith("role "):
        yield rect(x, y, _SWATCH, _SWATCH, look="edge", fill=colours[kind.removeprefix("role ")], round_by=2)
    elif kind == "landing":
        yield diamond(x + _SWATCH / 2, middle, 6, look="ink")
    elif kind == "critical":
        yield rect(x, y, _SWATCH, _SWATCH, look="firm none", round_by=2)
    elif kind == "asked":
        yield rect(x, y, _SWATCH, _SWATCH, look="asked", round_by=2)
    elif kind == "chances":
        for at, look in enumerate(("p50", "p80", "p95")):
            yield line(x + 1 + 5 * at, y, x + 1 + 5 * at, y + _SWATCH, look=look)
    elif kind in ("choice", "contract", "information"):
        yield line(x - 2, middle, x + _SWATCH + 2, middle, look=f"need {kind}")
    elif kind == "whisker":
        yield whisker(x, x + _SWATCH, middle, 4)
    elif kind == "planned":
        yield rect(x, middle - 4, _SWATCH, 8, look="plan", fill=_NEUTRAL, round_by=2)
    elif kind == "both":
        yield rect(x, y, _SWATCH, 7, look="edge", fill=_NEUTRAL, round_by=2)
        yield rect(x, y + 8.5, _SWATCH, 3.5, look="plan", fill=_NEUTRAL, round_by=1)
    else:
        yield rect(x, y, _SWATCH, _SWATCH, look=_STATES[TaskState(kind)][1], fill=_NEUTRAL, round_by=2)
        if kind == TaskState.FAILED:
            yield rect(x, y, _SWATCH, _SWATCH, look="edge", fill="url(#hatch)", round_by=2)
