"""What the history keeps of one finished task, and what many of them say of roles, backends and models."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

By = Literal["role", "backend", "model"]
UNKNOWN: Final = ""
"""The group of those of which it was not told."""

_GOOD = ("done", "landed")
_ENDED = (*_GOOD, "failed", "held")


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task of one run that somebody has worked on."""

    run: str
    started_at: datetime
    """When its run began."""
    task: str
    role: str
    """Of the agent that had it last."""
    state: str
    tries: int
    backend: str = UNKNOWN
    model: str = UNKNOWN
    complexity: str = UNKNOWN
    planned_seconds: float | None = None
    actual_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    usd: float | None = None
    is_exact: bool = True
    """Whether the tokens and the money are all that it used up."""
    conflicts: int = 0
    """How often a batch did not take it for a conflict."""
    score: float | None = None
    """Of its review, 0 to 10."""

    @property
    def is_over(self) -> bool:
        """Whether something has come of it: it was neither cancelled nor cut off."""
        return self.state in _ENDED

    @property
    def is_good(self) -> bool:
        return self.state in _GOOD


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """What the tasks of one role, backend or model say of it; nothing where no task tells."""

    name: str
    tasks: int
    """Those that something has come of."""
    success: float | None
    """Share of them that was finished and not turned away, 0 to 1."""
    times_estimate: float | None
    """Median of actual by planned time, of good ones that had an estimate."""
    tries: float | None
    """Mean of a task."""
    conflicts: int
    """Tasks that were turned away for a conflict at least once."""
    score: float | None
    """Mean of the reviews."""
    tokens: int | None
    usd: float | None
    usd_each: float | None
    """Mean of those whose price is known."""
    priced: int
    """How many those are."""
    is_exact: bool
    """Whether tokens and money are all that was used up, of every one of the tasks."""


_NAMES: Final[Mapping[By, Callable[[TaskRecord], str]]] = MappingProxyType(
    {"role": lambda record: record.role, "backend": lambda record: record.backend, "model": lambda record: record.model}
)


def figures_by(records: Iterable[TaskRecord], by: By) -> tuple[AgentFigures, ...]:
    """By name, most tasks first; tasks that nothing has come of tell what they cost and nothing else."""
    groups: dict[str, list[TaskRecord]] = {}
    for record in records:
        groups.setdefault(_NAMES[by](record), []).append(record)
    figures = [figures_of(name, group) for name, group in groups.items()]
    return tuple(sorted(figures, key=lambda row: (-row.tasks, row.name == UNKNOWN, row.name)))


def figures_of(name: str, records: Iterable[TaskRecord]) -> AgentFigures:
    """The figures of some tasks."""
    every = tuple(records)
    over = [record for record in every if record.is_over]
    ratios = [
        record.actual_seconds / record.planned_seconds
        for record in over
        if record.is_good and record.planned_seconds and record.actual_seconds is not None
    ]
    scores = [record.score for record in over if record.score is not None]
    prices = [record.usd for record in every if record.usd is not None]
    tokens = [
        (record.input_tokens or 0) + (record.output_tokens or 0)
        for record in every
        if record.input_tokens is not None or record.output_tokens is not None
    ]
    return AgentFigures(
        name=name,
        tasks=len(over),
        success=sum(record.is_good for record in over) / len(over) if over else None,
        times_estimate=median(ratios) if ratios else None,
        tries=sum(record.tries for record in over) / len(over) if over else None,
        conflicts=sum(record.conflicts > 0 for record in over),
        score=sum(scores) / len(scores) if scores else None,
        tokens=sum(tokens) if tokens else None,
        usd=sum(prices) if prices else None,
        usd_each=sum(prices) / len(prices) if prices else None,
        priced=len(prices),
        is_exact=bool(every) and len(tokens) == len(every) and all(record.is_exact for record in every),
    )
