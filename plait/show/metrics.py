"""What a run achieved in figures, and how good they are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from plait.plans.tasks.outcomes import FeatureOutcome, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage, usage_of

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
    done: int
    """Tasks of this run whose work was finished, whatever became of it then."""
    saved_seconds: float
    """work - elapsed; negative when the run took longer than the work."""
    approval_seconds: float
    """Part of the elapsed time in which nothing went on but waiting for a person's answer."""
    account_seconds: float
    """Part of the elapsed time in which nothing went on but waiting for an agent's account."""
    bound_seconds: float
    bound_ratio: float | None
    """(elapsed - approval - account) / bound: 1 is the best that any schedule could do."""
    busiest_role: str | None
    busiest_share: float | None
    """Share of the elapsed time that the busiest role's agents worked, those without work counted: at most 1."""
    usage: Usage | None = None
    """What all agents used up, as far as somebody told."""
    usage_by_role: Mapping[str, Usage] = field(default_factory=dict)
    usage_by_model: Mapping[str, Usage] = field(default_factory=dict)


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
    role, role_share = _busiest(spans, elapsed, outcome.conditions.slots if outcome.conditions else {})
    approval = _only_asked(outcome, spans)
    account = outcome.conditions.account_seconds if outcome.conditions else 0.0
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
        done=sum(task.started_at is not None and _is_done(task) for task in outcome.tasks),
        saved_seconds=work - elapsed,
        approval_seconds=approval,
        bound_seconds=outcome.bound_seconds,
        account_seconds=account,
        bound_ratio=_ratio(elapsed - approval - account, outcome.bound_seconds),
        busiest_role=role,
        busiest_share=role_share,
        usage=_usage(outcome),
        usage_by_role=usage_by_role(outcome),
        usage_by_model=usage_by_model(outcome),
    )


def _usage(outcome: FeatureOutcome) -> Usage | None:
    """Of all that agents have tried; commands use up nothing."""
    commands = outcome.conditions.commands if outcome.conditions else ()
    return usage_of(task.usage for task in outcome.tasks if task.tries and task.id not in commands)


def usage_by_role(outcome: FeatureOutcome) -> dict[str, Usage]:
    """What the agents of each role used up; those that helped another role out count for their own."""
    return _usage_by(outcome, lambda task: (task.agent or "").rpartition("-")[0] or task.role)


def usage_by_model(outcome: FeatureOutcome) -> dict[str, Usage]:
    """The same by the model that each task's last try named; of those that named none, under an empty name."""
    return _usage_by(outcome, lambda task: (task.usage.model if task.usage else None) or "")


def _usage_by(outcome: FeatureOutcome, name: Callable[[TaskOutcome], str]) -> dict[str, Usage]:
    groups: dict[str, list[Usage]] = {}
    for task in outcome.tasks:
        if task.tries and task.usage:
            groups.setdefault(name(task), []).append(task.usage)
    return {group: usage for group, told in sorted(groups.items()) if (usage := usage_of(told))}


def whole_tries(task: TaskOutcome) -> int:
    """Its tries without those that a kill cut off: nothing failed there."""
    return max(0, task.tries - sum(span.cut for span in task.spans))


def failed_tries(task: TaskOutcome) -> int:
    """All but the last of a task whose work was harvested, was cancelled or goes on; all of any other."""
    return max(0, whole_tries(task) - (_is_done(task) or task.state in _ABANDONED))


def _is_done(task: TaskOutcome) -> bool:
    return task.commit is not None or task.state in _SUCCEEDED


def worked_seconds(task: TaskOutcome, *, now: datetime | None = None) -> float | None:
    """How long a task was worked on, up to `now` where that goes on; nothing when it has not begun.

    What lies between its stretches of work does not count: batches, and persons that were waited for. Of old records
    only the first start and the last end are known.
    """
    stretches = list(_stretches(task, now))
    return sum((end - start).total_seconds() for start, end in stretches) if stretches else None


def readings(metrics: Metrics) -> tuple[Reading, ...]:
    """What the figures say: half of the tasks beside another and under 10 % conflicts are good, over 25 % poor.

    Nothing is said of a run of seconds, nor of one in which nothing was finished.
    """
    if not can_be_read(metrics):
        return ()
    return (*_read_beside(metrics), *_read_conflicts(metrics), *_read_bound(metrics))


_SHORTEST_READ = 20.0
"""Seconds of a run below which its figures say nothing: to start, to verify and to land take seconds each."""


def can_be_read(metrics: Metrics) -> bool:
    """Whether a run's figures can be called good or poor."""
    return metrics.elapsed_seconds >= _SHORTEST_READ and metrics.done > 0


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
    last = task.agent or task.role
    agents = [span.agent or last for span in task.spans] + [last]
    for agent, (start, end) in zip(agents, _stretches(task, _last_moment(outcome)), strict=False):
        # An agent of another role that helped out was busy for its own.
        yield _Span(agent.rpartition("-")[0] or task.role, agent, start, end, task.id)


_Stretch = tuple[datetime, datetime]


def _stretches(task: TaskOutcome, now: datetime | None) -> Iterable[_Stretch]:
    """When it was worked on; the last one goes on until `now`, unless it has ended."""
    yield from ((span.started_at, span.ended_at) for span in task.spans)
    begun, end = task.dispatched_at if task.spans else task.started_at, task.ended_at or now
    if begun is not None and end is not None:
        yield begun, max(begun, end)


def _last_moment(outcome: FeatureOutcome) -> datetime | None:
    """The end of the run, or the moment that it was looked at."""
    if outcome.ended_at is None and outcome.elapsed_seconds > 0:
        return outcome.started_at + timedelta(seconds=outcome.elapsed_seconds)
    return outcome.ended_at


def _only_asked(outcome: FeatureOutcome, spans: list[_Span]) -> float:
    """Seconds in which a person was waited for, nothing was worked on, and nothing was verified."""
    last = _last_moment(outcome)
    asked = _joined((approval.asked_at, approval.answered_at or last) for approval in outcome.approvals)
    batches = ((batch.started_at, batch.ended_at or last) for batch in outcome.batches)
    busy = _joined([*((span.start, span.end) for span in spans), *batches]) if asked else []
    both = sum(_seconds(max(asking[0], working[0]), min(asking[1], working[1])) for asking in asked for working in busy)
    return sum(_seconds(*asking) for asking in asked) - both


def _joined(stretches: Iterable[tuple[datetime | None, datetime | None]]) -> list[_Stretch]:
    """The same time in stretches that do not overlap; those without start or end are left out."""
    joined: list[_Stretch] = []
    for start, end in sorted((start, end) for start, end in stretches if start and end):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


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


def _busiest(spans: list[_Span], elapsed: float, slots: Mapping[str, int]) -> tuple[str | None, float | None]:
    """`slots`: where they are not known, the agents that worked count."""
    work: defaultdict[str, float] = defaultdict(float)
    agents: defaultdict[str, set[str]] = defaultdict(set)
    for span in spans:
        work[span.role] += span.seconds
        agents[span.role].add(span.agent)
    if not work or elapsed <= 0:
        return None, None
    there = {role: max(len(agents[role]), slots.get(role, 0)) for role in work}
    share, role = max((work[role] / (there[role] * elapsed), role) for role in work)
    return role, share


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
