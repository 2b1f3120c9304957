"""What a plan will probably take: the record that forecasts make, and that commands, charts and runs read."""

from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from plait.advice.bounds import Bound

FORECAST_FILE = "forecast.json"
"""Its name in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Band:
    """Quantiles of a time in seconds; `p10` to `p90` should hold four of five."""

    p10: float
    p50: float
    p80: float
    p90: float
    p95: float


@dataclass(frozen=True, slots=True)
class TaskForecast:
    """One task on the schedule that the dispatcher makes of the expected durations; seconds from the plan's start."""

    id: str
    role: str
    agent: str
    """The instance that would do it: `<role>-<n>`, of a role that its own falls back on where that helps out."""
    start: float
    end: float
    slack: float
    """How much longer it may take before the plan's end moves, with agents for all."""
    critical: bool
    waits: float
    """How long it is ready and waits for a slot of its role."""
    ends: Band | None = None
    """When it ends over all simulated runs; nothing where none were simulated."""


@dataclass(frozen=True, slots=True)
class RoleForecast:
    """How a role fares on that schedule."""

    role: str
    slots: int
    work: float
    """Seconds of work that it does, other roles' included."""
    busy: float
    """Share of `slots * elapsed` that it works, 0 to 1."""
    waiting: float
    """Seconds that its tasks wait for a slot, summed."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The plan with one agent of a role more or fewer."""

    role: str
    slots: int
    elapsed: float
    """Seconds; never more than with fewer agents (list schedules can get longer with more: Graham 1969)."""
    p50: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A plan's schedule, its limits, and how sure it is. All times in seconds."""

    elapsed: float
    work: float
    """The sum of the durations: what one agent alone would take."""
    speed_up: float
    """work / elapsed."""
    efficiency: float
    """work / (agents at work * elapsed)."""
    agents: int
    """Distinct instances that get a task."""
    bound: Bound
    bound_ratio: float
    """elapsed / bound: 1 is as short as any schedule can be."""
    critical_path: tuple[str, ...]
    tasks: tuple[TaskForecast, ...]
    """In the order of the plan."""
    roles: tuple[RoleForecast, ...]
    bottleneck: str
    """In a sentence."""
    ends: Band | None = None
    """When the plan ends over all simulated runs."""
    samples: int = 0
    what_if: tuple[WhatIf, ...] = ()
    learned: tuple[str, ...] = ()
    """What history changed, in a sentence for each role."""


def forecast_json(forecast: Forecast) -> str:
    """One line; times in seconds."""
    return _adapter().dump_json(forecast).decode("utf-8")


def forecast_from_json(text: str) -> Forecast:
    """The forecast again; keys that a later version added are passed over.

    Raises:
        ValueError: it is no forecast.
    """
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[Forecast]:
    return TypeAdapter(Forecast)
