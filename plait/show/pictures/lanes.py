"""What stands beside each other in one lane of a chart: what was forecast for a task, and what came of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from plait.advice.forecasts.forecast import Forecast, TaskForecast
from plait.plans.phrasing import one_line
from plait.plans.tasks.outcomes import FeatureOutcome, TaskOutcome, TaskState
from plait.show.pictures.bars import Bar, sane_bar, sane_times

_REMARKS = {
    TaskState.FAILED: "failed",
    TaskState.HELD: "held",
    TaskState.CANCELLED: "cancelled",
    TaskState.BLOCKED: "blocked",
}


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
    for one in outcome.approvals:
        ended = one.answered_at or outcome.started_at + timedelta(seconds=outcome.elapsed_seconds)
        times = ((moment - outcome.started_at).total_seconds() for moment in (one.asked_at, ended))
        asked[one.owner].append(sane_times(*times))
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
