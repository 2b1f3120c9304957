"""What a run achieved in figures, and how good they are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from plait.plans.tasks.outcomes import FeatureOutcome, TaskOutcome, TaskState

_SUCCEEDED = {TaskState.DONE, TaskState.LANDED, TaskState.HELD}
_ABANDONED = {TaskState.CANCELLED, TaskState.RUNNING}


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one run; seconds, and shares from 0 to 1. Nothing where there is nothing to divide by."""

    elapsed_seconds: float
    work_seconds: float
    """Sum of the tasks' times: what one agent alone would have taken."""
    agents: int
    """Distinct instances that worked."""
    tasks_run: int
    speed_up: float | None
    """work / elapsed."""
    efficiency: float | None
    """work / (agents * elapsed): how busy the agents were."""
    beside_share: float | None
    """Share of the tasks that ran while another one did."""
    verifications: int
    branches: int
    """Branches that were finished and offered to a batch."""
    conflicts: int
    """Rejections because of a conflict, repeated ones counted again."""
    conflict_rate: float | None
    """Share of the branches that conflicted at least once."""
    tries: int
    failed_tries: int
    saved_seconds: float
    """work - elapsed; negative when the run took longer than the work."""
    bound_seconds: float
    bound_ratio: float | None
    """elapsed / bound: 1 is the best that any schedule could do."""
    busiest_role: str | None
    busiest_share: float | None
    """Share of the elapsed time that the busiest role's agents worked, on average: the bottleneck is near 1."""


Verdict = Literal["good", "fair", "poor"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one figure says."""

    figure: Literal["beside", "conflicts", "bound"]
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class _Span:
    role: str
    agent: str
    start: datetime
    end: datetime
    task: str

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def measure(outcome: FeatureOutcome) -> Metrics:
    """All figures of a run, from its outcome alone."""
    spans = _spans(outcome)
    elapsed, work = _elapsed(outcome, spans), sum(span.seconds for span in spans)
    agents = len({span.agent for span in spans})
    branches, conflicting = _branches(outcome), _conflicting(outcome)
    role, role_share = _busiest(spans, elapsed)
    return Metrics(
        elapsed_seconds=elapsed,
        work_seconds=work,
        agents=agents,
        tasks_run=len({span.task for span in spans}),
        speed_up=_ratio(work, elapsed),
        efficiency=_ratio(work, agents * elapsed),
        beside_share=_ratio(len(_beside(spans)), len({span.task for span in spans})),
        verifications=sum(batch.verifications for batch in outcome.batches),
        branches=len(branches),
        conflicts=len(conflicting),
        conflict_rate=_ratio(len(set(conflicting)), len(branches)),
        tries=sum(task.tries for task in outcome.tasks),
        failed_tries=sum(failed_tries(task) for task in outcome.tasks),
        saved_seconds=work - elapsed,
        bound_seconds=outcome.bound_seconds,
        bound_ratio=_ratio(elapsed, outcome.bound_seconds),
        busiest_role=role,
        busiest_share=role_share,
    )


def failed_tries(task: TaskOutcome) -> int:
    """All but the last of a task whose work was harvested, was cancelled or goes on; all of any other."""
    return max(0, task.tries - (task.commit is not None or task.state in _SUCCEEDED | _ABANDONED))


def readings(metrics: Metrics) -> tuple[Reading, ...]:
    """What the figures say: half of the tasks beside another and under 10 % conflicts are good, over 25 % poor."""
    return (*_read_beside(metrics), *_read_conflicts(metrics), *_read_bound(metrics))


def _read_beside(metrics: Metrics) -> Iterable[Reading]:
    if metrics.beside_share is None or metrics.tasks_run < 2:
        return
    if metrics.beside_share >= 0.5:
        yield Reading("beside", "good", "at least half of the tasks ran beside another")
    else:
        yield Reading(
            "beside",
            "poor",
            "under half of the tasks ran beside another: cut needs, agree on contracts first, or plan smaller tasks",
        )


def _read_conflicts(metrics: Metrics) -> Iterable[Reading]:
    rate = metrics.conflict_rate
    if rate is None:
        return
    if rate < 0.1:
        yield Reading("conflicts", "good", "under 10 % of the branches conflicted")
    elif rate <= 0.25:
        yield Reading("conflicts", "fair", "10 to 25 % of the branches conflicted: see which tasks share files")
    else:
        yield Reading(
            "conflicts",
            "poor",
            "over 25 % of the branches conflicted: give each file to one task, or order those tasks",
        )


def _read_bound(metrics: Metrics) -> Iterable[Reading]:
    ratio = metrics.bound_ratio
    if ratio is None:
        return
    if ratio <= 1.05:
        yield Reading("bound", "good", "as short as these tasks and agents allow: only another cut or more agents help")
    elif ratio <= 1.5:
        yield Reading("bound", "fair", "some time went into waiting, retries, verification and repair")
    else:
        yield Reading("bound", "poor", "much time went into waiting, retries, verification and repair")


def _spans(outcome: FeatureOutcome) -> list[_Span]:
    """By start; without the times of single dispatches, a task counts from its start to its end, or to the run's."""
    return sorted((span for task in outcome.tasks for span in _spans_of(task, outcome)), key=lambda span: span.start)


def _spans_of(task: TaskOutcome, outcome: FeatureOutcome) -> Iterable[_Span]:
    agent, end = task.agent or task.role, task.ended_at or outcome.ended_at
    if task.spans:
        yield from (_Span(task.role, agent, span.started_at, span.ended_at, task.id) for span in task.spans)
    elif task.started_at is not None and end is not None:
        yield _Span(task.role, agent, task.started_at, max(task.started_at, end), task.id)


def _elapsed(outcome: FeatureOutcome, spans: list[_Span]) -> float:
    if outcome.elapsed_seconds > 0:
        return outcome.elapsed_seconds
    end = outcome.ended_at or max((span.end for span in spans), default=outcome.started_at)
    return max(0.0, (end - outcome.started_at).total_seconds())


def _beside(spans: list[_Span]) -> set[str]:
    """The tasks of those spans, sorted by start, that overlap another for more than an instant."""
    shared = [False] * len(spans)
    latest: int | None = None
    """Of the spans so far, the one that ends last: whoever overlaps any of them overlaps this one."""
    for number, span in enumerate(spans):
        if latest is not None and span.start < min(span.end, spans[latest].end):
            shared[number] = shared[latest] = True
        if latest is None or span.end > spans[latest].end:
            latest = number
    return {span.task for span, beside in zip(spans, shared, strict=True) if beside}


def _branches(outcome: FeatureOutcome) -> set[str]:
    offered = {task.id for task in outcome.tasks if task.commit is not None}
    for batch in outcome.batches:
        offered |= {*batch.landed, *(held.task for held in batch.held), *(no.task for no in batch.rejected)}
    return offered


def _conflicting(outcome: FeatureOutcome) -> list[str]:
    return [no.task for batch in outcome.batches for no in batch.rejected if no.kind == "conflict"]


def _busiest(spans: list[_Span], elapsed: float) -> tuple[str | None, float | None]:
    work: defaultdict[str, float] = defaultdict(float)
    agents: defaultdict[str, set[str]] = defaultdict(set)
    for span in spans:
        work[span.role] += span.seconds
        agents[span.role].add(span.agent)
    if not work or elapsed <= 0:
        return None, None
    share, role = max((work[role] / (len(agents[role]) * elapsed), role) for role in work)
    return role, share


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
