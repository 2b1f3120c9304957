"""All that one chart shows: bars in lanes, batches, the lines that stand for the whole plan, the marks of its axis."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from plait.advice.forecasts.forecast_record import Forecast, TaskForecast
from plait.plans.tasks.outcomes import BatchState, FeatureOutcome, RunState, Span, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.wording import one_line, spell_roughly, spell_seconds

_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)
"""Seconds between two marks, as people count them; beyond a day 2, 5, 10, … days."""

_LONGEST = 1e11
"""Seconds (3,000 years): beyond it only a bug counts."""

_REMARKS = {
    TaskState.FAILED: "failed",
    TaskState.HELD: "held",
    TaskState.CANCELLED: "cancelled",
    TaskState.BLOCKED: "blocked",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of work; several of one task (its tries) share a lane."""

    task: str
    role: str
    start: float
    end: float
    state: TaskState = TaskState.LANDED
    """A failed one is hatched, one that was held or handed back dashed, a cancelled or running one pale."""
    tries: int = 1
    critical: bool = False


@dataclass(frozen=True, slots=True)
class BatchBar:
    """One batch, from its building to its verdict; a diamond at its end where something landed."""

    id: str
    start: float
    end: float
    landed: int = 0
    rejected: int = 0
    verifications: int = 0


def bars_of(outcome: FeatureOutcome, *, critical: Collection[str] = ()) -> tuple[Bar, ...]:
    """A bar for each time that a task was worked on; one that has not ended reaches to the run's end.

    What another time came after had been handed back, whatever became of the task.
    """
    return tuple(
        Bar(
            task=task.id,
            role=task.role,
            start=(span.started_at - outcome.started_at).total_seconds(),
            end=(span.ended_at - outcome.started_at).total_seconds(),
            state=_state_of(task, span, last=span is spans[-1]),
            tries=task.tries,
            critical=task.id in critical,
        )
        for task in outcome.tasks
        for spans in [tuple(_spans_of(task, outcome))]
        for span in spans
    )


def _state_of(task: TaskOutcome, span: Span, *, last: bool) -> TaskState:
    if not span.ok:
        return TaskState.FAILED
    return task.state if last else TaskState.HELD


def _spans_of(task: TaskOutcome, outcome: FeatureOutcome) -> Iterable[Span]:
    now = outcome.ended_at or outcome.started_at + timedelta(seconds=outcome.elapsed_seconds)
    yield from task.spans
    if task.started_at is not None and (not task.spans or task.state is TaskState.RUNNING):
        began = task.spans[-1].ended_at if task.spans else task.started_at
        yield Span(started_at=began, ended_at=task.ended_at or now)


def batch_bars_of(outcome: FeatureOutcome) -> tuple[BatchBar, ...]:
    """A bar for each batch whose times are known."""
    return tuple(
        BatchBar(
            id=batch.id,
            start=(batch.started_at - outcome.started_at).total_seconds(),
            end=(batch.ended_at - outcome.started_at).total_seconds(),
            landed=0 if batch.state is BatchState.READY_TO_LAND else len(batch.landed),
            rejected=len(batch.rejected),
            verifications=batch.verifications,
        )
        for batch in outcome.batches
        if batch.started_at is not None and batch.ended_at is not None
    )


def sane_bar(bar: Bar) -> Bar:
    """Times that are no numbers count as 0, negative ones too, an end before its start as its start."""
    start, end = sane_times(bar.start, bar.end)
    return replace(bar, start=start, end=end)


def sane_batch(batch: BatchBar) -> BatchBar:
    """The same for a batch."""
    start, end = sane_times(batch.start, batch.end)
    return replace(batch, start=start, end=end)


def sane_times(start: float, end: float) -> tuple[float, float]:
    """Two times that can be drawn, the second not before the first."""
    first, last = (min(max(time, 0.0), _LONGEST) if math.isfinite(time) else 0.0 for time in (start, end))
    return first, max(first, last)


@dataclass(frozen=True, slots=True)
class PlannedBar:
    """When a task was expected, in seconds since the start."""

    start: float
    end: float
    earliest: float | None = None
    """Nine of ten simulated runs end it later; nothing where none were simulated."""
    latest: float | None = None
    """Nine of ten end it sooner."""
    slack: float = 0.0
    waits: float = 0.0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One task."""

    task: str
    role: str
    planned: PlannedBar | None = None
    bars: tuple[Bar, ...] = ()
    """What was worked on it, by start."""
    asked: tuple[tuple[float, float], ...] = ()
    """From when to when a person was asked about it."""
    idle: TaskState | None = None
    """Where it stands, if a run has not worked on it."""

    @property
    def critical(self) -> bool:
        return any(bar.critical for bar in self.bars) or bool(self.planned and self.planned.critical)

    @property
    def start(self) -> float:
        """Of what there was, else of what was expected."""
        return min((bar.start for bar in self.bars), default=self.planned.start if self.planned else 0.0)

    @property
    def end(self) -> float:
        return max((bar.end for bar in self.bars), default=self.planned.end if self.planned else 0.0)

    @property
    def furthest(self) -> float:
        """The last second that anything of it reaches."""
        planned = (self.planned.end, self.planned.latest or 0.0) if self.planned else ()
        return max(self.end, *planned, 0.0)

    @property
    def name(self) -> str:
        return one_line(self.task, 60)

    @property
    def remark(self) -> str:
        """`×2 · failed`, `blocked`; nothing where all went as it should."""
        if not self.bars:
            return _REMARKS.get(self.idle, "") if self.idle else ""
        tries, last = max(len(self.bars), *(bar.tries for bar in self.bars)), max(self.bars, key=lambda bar: bar.end)
        return " · ".join(filter(None, [f"×{tries}" if tries > 1 else "", _REMARKS.get(last.state, "")]))


def lanes_of(
    bars: Sequence[Bar] = (), forecast: Forecast | None = None, *, outcome: FeatureOutcome | None = None
) -> tuple[Lane, ...]:
    """A lane for each task, by start; whatever the times are, those of the lanes can be drawn.

    `outcome`: the run that the bars are of, so that what has not begun comes after what has, and says why.
    """
    worked: defaultdict[str, list[Bar]] = defaultdict(list)
    for bar in sorted(map(sane_bar, bars), key=lambda bar: (bar.start, bar.end)):
        worked[bar.task].append(bar)
    expected = {task.id: task for task in forecast.tasks} if forecast else {}
    critical, idle, asked = critical_of(forecast), _idle_of(outcome, worked), _asked_of(outcome)
    roles = {task: known.role for known_of in (idle, expected) for task, known in known_of.items()}
    lanes = [
        Lane(
            task=task,
            role=worked[task][0].role if task in worked else roles[task],
            planned=_planned(expected[task], critical=task in critical) if task in expected else None,
            bars=tuple(worked.get(task, ())),
            asked=asked.get(task, ()),
            idle=idle[task].state if task in idle else None,
        )
        for task in dict.fromkeys([*expected, *worked, *idle])
    ]
    return tuple(sorted(lanes, key=lambda lane: (outcome is not None and not lane.bars, lane.start, lane.end)))


def _idle_of(outcome: FeatureOutcome | None, worked: Collection[str]) -> dict[str, TaskOutcome]:
    """The tasks of which nothing came, and that were not even begun."""
    tasks = outcome.tasks if outcome else ()
    return {task.id: task for task in tasks if task.id not in worked and task.state in _REMARKS}


def _asked_of(outcome: FeatureOutcome | None) -> dict[str, tuple[tuple[float, float], ...]]:
    """By the task that a person was asked about; a question that is open reaches to the run's end."""
    asked: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    if outcome is None:
        return {}
    for approval in outcome.approvals:
        ended = approval.answered_at or outcome.started_at + timedelta(seconds=outcome.elapsed_seconds)
        times = ((moment - outcome.started_at).total_seconds() for moment in (approval.asked_at, ended))
        asked[approval.owner].append(sane_times(*times))
    return {task: tuple(times) for task, times in asked.items()}


def critical_of(forecast: Forecast | None) -> frozenset[str]:
    """The tasks that must not be late: those of the critical path, and of others as long."""
    if forecast is None:
        return frozenset()
    return frozenset([*forecast.critical_path, *(task.id for task in forecast.tasks if task.critical)])


def _planned(task: TaskForecast, *, critical: bool) -> PlannedBar:
    start, end = sane_times(task.start, task.end)
    earliest, latest = sane_times(task.ends.p10, task.ends.p90) if task.ends else (None, None)
    return PlannedBar(start, end, earliest, latest, slack=task.slack, waits=task.waits, critical=critical)


def by_role(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The lanes of each role together, roles by their first start."""
    every = tuple(lanes)
    turn = {role: number for number, role in enumerate(dict.fromkeys(lane.role for lane in every))}
    return tuple(sorted(every, key=lambda lane: turn[lane.role]))


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that matters for the whole plan."""

    look: str
    """`p50`, `p80`, `p95` (chances of the forecast), `over` (the run's end) or `now`."""
    second: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plan, a run, or both beside each other; times in seconds since the start."""

    title: str
    figures: str = ""
    """Its figures in a line."""
    lanes: tuple[Lane, ...] = ()
    """In the order in which they are drawn."""
    roles: tuple[str, ...] = ()
    """In the order of the plan, which gives them their colours."""
    batches: tuple[BatchBar, ...] = ()
    marks: tuple[Mark, ...] = ()
    path: tuple[str, ...] = ()
    """The critical path of the forecast."""
    ran: bool = False
    """Whether it is about a run."""
    grouped: bool = False
    """Whether the lanes of each role stand together under its name."""
    left_out: int = 0
    """Lanes that are not shown for want of room."""

    @property
    def end(self) -> float:
        """The last second that is shown."""
        ends = [*(lane.furthest for lane in self.lanes), *(batch.end for batch in self.batches)]
        return max([*ends, *(mark.second for mark in self.marks)], default=0.0) or 1.0

    @property
    def planned(self) -> bool:
        return any(lane.planned for lane in self.lanes)

    @property
    def worked(self) -> bool:
        return any(lane.bars for lane in self.lanes)

    def cut(self, most: int) -> "Chart":
        """With the first lanes only."""
        if len(self.lanes) <= most:
            return self
        kept, missing = self.lanes[:most], len(self.lanes) - most
        return replace(self, lanes=kept, batches=self.batches[:most], left_out=self.left_out + missing)


def chart_of(
    title: str, *, outcome: FeatureOutcome | None = None, forecast: Forecast | None = None, grouped: bool = False
) -> Chart:
    """The chart of a forecast, of a run, or of a run beside its forecast.

    A forecast that was far too long is told and not drawn: it would leave no room for what happened.
    """
    bars = bars_of(outcome, critical=critical_of(forecast)) if outcome else ()
    drawn = None if _is_far_too_long(forecast, outcome) else forecast
    lanes = lanes_of(bars, drawn, outcome=outcome)
    told = [task.role for task in (outcome.tasks if outcome else forecast.tasks if forecast else ())]
    return Chart(
        title=one_line(title, 200),
        figures=" · ".join(
            [*_figures_of_run(outcome), *_figures_of_forecast(forecast, outcome, drawn=drawn is not None)]
        ),
        lanes=by_role(lanes) if grouped else lanes,
        roles=tuple(dict.fromkeys([*told, *(lane.role for lane in lanes)])),
        batches=tuple(map(sane_batch, batch_bars_of(outcome))) if outcome else (),
        marks=(*_marks_of_forecast(drawn), *_marks_of_run(outcome)),
        path=forecast.critical_path if forecast else (),
        ran=outcome is not None,
        grouped=grouped,
    )


_FAR = 6.0
"""Times as long as the run."""


def _is_far_too_long(forecast: Forecast | None, outcome: FeatureOutcome | None) -> bool:
    if forecast is None or outcome is None or outcome.state is RunState.RUNNING:
        return False
    return (forecast.ends.p80 if forecast.ends else forecast.elapsed) > _FAR * outcome.elapsed_seconds


def _figures_of_forecast(forecast: Forecast | None, outcome: FeatureOutcome | None, *, drawn: bool) -> Iterable[str]:
    """Beside a run the bound is called the forecast's: the report of a run has another, of the times that were."""
    if forecast is not None:
        chance = f" (P80 {spell_roughly(forecast.ends.p80)})" if forecast.ends else ""
        yield f"forecast {spell_seconds(forecast.elapsed)}{chance}{'' if drawn else ', too far off to be drawn'}"
        if drawn:
            yield f"{'its ' if outcome else ''}lower bound {spell_seconds(forecast.bound.seconds)}"


def _figures_of_run(outcome: FeatureOutcome | None) -> Iterable[str]:
    if outcome is not None:
        running = outcome.state is RunState.RUNNING
        yield f"{'running for' if running else 'took'} {spell_seconds(outcome.elapsed_seconds)}"
        yield f"{outcome.count_landed} of {len(outcome.counted)} landed"


def _marks_of_forecast(forecast: Forecast | None) -> Iterable[Mark]:
    if forecast is not None and forecast.ends is not None:
        ends = forecast.ends
        for look, second in (("p50", ends.p50), ("p80", ends.p80), ("p95", ends.p95)):
            yield Mark(look, sane_times(second, second)[0], f"{look.upper()} {spell_roughly(second)}")


def _marks_of_run(outcome: FeatureOutcome | None) -> Iterable[Mark]:
    if outcome is not None:
        look, words = ("now", "now") if outcome.state is RunState.RUNNING else ("over", "ended")
        second = sane_times(outcome.elapsed_seconds, 0)[0]
        yield Mark(look, second, f"{words} {spell_seconds(outcome.elapsed_seconds)}")


def ticks_of(end: float, most: int) -> tuple[float, ...]:
    """Marks from 0 to `end` seconds, evenly spaced on round times, `most` or fewer of them beside 0."""
    step = step_of(end, most)
    return tuple(number * step for number in range(int(end / step * (1 + 1e-9)) + 1))


def step_of(end: float, most: int) -> float:
    """Seconds between two marks."""
    step = next((step for step in _STEPS if end / step <= most), 0.0)
    days = 86400.0
    while not step:
        step = next((days * some for some in (2, 5, 10) if end / (days * some) <= most), 0.0)
        days *= 10
    return step


def spell_tick(second: float, step: float) -> str:
    """`0`, `0.5s`, `30s`, `1m 30s`, `2h`, `1h 30m`, `30h`, `3d`: no finer than the step asks for.

    Days only where every mark is one, so that marks and the hours that are written elsewhere are told in the same unit.
    """
    if second == 0:
        return "0"
    if step < 1:
        return f"{second:.3f}".rstrip("0").rstrip(".") + "s"
    whole = round(second)
    if step % 86400 == 0:
        return f"{whole // 86400}d"
    units = [(whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    return " ".join(f"{number}{unit}" for number, unit in units if number)
