"""What held up the end of a run: from its end back to its start, what each step waited for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from plait.advice.waits import Work, why_waited
from plait.plans.tasks.outcomes import Conditions, FeatureOutcome, Span, TaskOutcome
from plait.show.metrics import failed_tries

What = Literal["work", "retry", "repair", "role", "resource", "approval", "verification", "nothing"]
_HAIR = 1e-6
"""Seconds below which a difference is rounding."""


class ChainStep(NamedTuple):
    """What some of the run's time went into."""

    what: What
    """`role` and `resource`: what was waited for; `nothing`: nobody knows, such as starting up and handing over."""
    name: str
    """Of the role, the resource, the contract or the batch; of work the task."""
    seconds: float
    task: str = ""
    """The task that worked, or waited."""


@dataclass(frozen=True, slots=True)
class LastChain:
    """The tasks that ended last, each of which the next one waited for, and all that the run's time went into."""

    tasks: tuple[str, ...]
    """In the order in which they were worked on, each once."""
    steps: tuple[ChainStep, ...]
    """The last first."""

    def totals(self) -> dict[tuple[What, str], float]:
        """Seconds by what they went into, most first; work, retries, repairs and batches each as one."""
        seconds: dict[tuple[What, str], float] = defaultdict(float)
        for step in self.steps:
            seconds[step.what, step.name if step.what in ("role", "resource", "approval") else ""] += step.seconds
        return dict(sorted(seconds.items(), key=lambda entry: -entry[1]))

    def waiting(self, what: What, name: str) -> tuple[str, ...]:
        """The tasks that waited for that, in the order of the run."""
        steps = (step for step in reversed(self.steps) if (step.what, step.name) == (what, name))
        return tuple(dict.fromkeys(step.task for step in steps))


def last_chain(outcome: FeatureOutcome) -> LastChain | None:
    """Nothing for a run that goes on or did nothing, and for those of older versions."""
    if outcome.conditions is None:
        return None
    chain = _Trace(outcome, outcome.conditions).back()
    return chain if chain.tasks else None


def spans_of(task: TaskOutcome) -> tuple[Span, ...]:
    """When it was worked on; of old records only the first start and the last end are known."""
    if task.spans or task.started_at is None or task.ended_at is None:
        return task.spans
    return (Span(started_at=task.started_at, ended_at=task.ended_at),)


class _Event(NamedTuple):
    """Something that took time, in seconds of the run."""

    end: float
    start: float
    kind: Literal["work", "repair", "batch", "approval"]
    name: str
    """Of the task, the batch or the contract."""
    about: frozenset[str] = frozenset()
    """The tasks of a batch, or those that an approval held."""
    owner: str = ""
    """The task that wrote a contract."""


class _Trace:
    """Walks back over what happened."""

    def __init__(self, outcome: FeatureOutcome, conditions: Conditions) -> None:
        self.conditions, self._begun = conditions, outcome.started_at
        self.tasks: Mapping[str, TaskOutcome] = {task.id: task for task in outcome.tasks}
        self.work = {task.id: list(self._work(task)) for task in outcome.tasks}
        self.batches = list(self._batches(outcome))
        self.approvals = list(self._approvals(outcome))
        self.elapsed = outcome.elapsed_seconds
        self.busy = [
            Work(event.start, event.end, self.tasks[task].role, conditions.uses.get(task, {}))
            for task, own in self.work.items()
            for event in own
        ]

    def back(self) -> LastChain:
        """From the run's end to its start."""
        steps: list[ChainStep] = []
        tasks: dict[str, None] = {}
        seen: set[_Event] = set()
        now = self.elapsed
        event = _latest([*self.batches, *(work for own in self.work.values() for work in own)])
        while event is not None and event not in seen:
            seen.add(event)
            steps += _nothing(now - event.end)
            steps += self._spent(event)
            now = event.start
            if event.kind in ("work", "repair"):
                tasks.pop(event.name, None)
                tasks[event.name] = None
            if event.kind == "work":
                ready, before = self._ready(event)
                waits = list(self._waits(event, ready))
                steps += [*waits, *_nothing(now - ready - sum(step.seconds for step in waits))]
                now = ready
            else:
                before = self._before(event)
            event = before
        return LastChain(tuple(reversed(tasks)), (*steps, *_nothing(now)))

    def _spent(self, event: _Event) -> Iterator[ChainStep]:
        seconds = event.end - event.start
        if event.kind == "batch":
            yield ChainStep("verification", event.name, seconds)
        elif event.kind == "approval":
            yield ChainStep("approval", event.name, seconds)
        elif event.kind == "repair":
            yield ChainStep("repair", event.name, seconds, event.name)
        else:
            task = self.tasks[event.name]
            lost = seconds * min(1.0, failed_tries(task) / task.tries) if task.tries else 0.0
            yield ChainStep("work", task.id, seconds - lost, task.id)
            if lost:
                yield ChainStep("retry", task.id, lost, task.id)

    def _ready(self, event: _Event) -> tuple[float, _Event | None]:
        """When all that a task waits for was there, and what of that came last."""
        groups = self.conditions.needs.get(event.name, ())
        before = [first for group in groups if (first := self._first(group, event.start))]
        before += _ended(self.work[event.name], by=event.start, but=event)
        before += [answer for answer in _ended(self.approvals, by=event.start) if event.name in answer.about]
        last = _latest(before)
        return (min(last.end, event.start), last) if last else (0.0, None)

    def _first(self, group: tuple[str, ...], start: float) -> _Event | None:
        """What made a need come true; nothing where that was before the run."""
        known = [need for need in group if need in self.tasks]
        if any(self.tasks[need].commit and not self.work[need] for need in known):
            return None
        ends = [_latest(_ended(self.work[need], by=start, kind="work")) for need in known]
        return min((event for event in ends if event), key=lambda event: event.end, default=None)

    def _waits(self, event: _Event, ready: float) -> Iterator[ChainStep]:
        task = self.tasks[event.name]
        wanted = Work(ready, event.start, task.role, self.conditions.uses.get(task.id, {}))
        short = why_waited(wanted, self.busy, slots=self.conditions.slots, resources=self.conditions.resources)
        for scarce, seconds in short.items():
            yield ChainStep(scarce.what, scarce.name, seconds, task.id)

    def _before(self, event: _Event) -> _Event | None:
        """What a batch, an approval or a repair came after."""
        if event.kind == "approval":
            causes = self.work.get(event.owner, [])
        elif event.kind == "repair":
            causes = [*self.work[event.name], *(batch for batch in self.batches if event.name in batch.about)]
        else:
            asked = [answer for answer in self.approvals if answer.owner in event.about]
            causes = [*self.batches, *asked, *(work for task in event.about for work in self.work.get(task, ()))]
        return _latest(_ended(causes, by=event.start, but=event))

    def _work(self, task: TaskOutcome) -> Iterator[_Event]:
        for span in spans_of(task):
            start, end = self._at(span.started_at), self._at(span.ended_at)
            yield _Event(max(start, end), start, "repair" if span.repair else "work", task.id)

    def _batches(self, outcome: FeatureOutcome) -> Iterator[_Event]:
        for batch in outcome.batches:
            about = (*batch.landed, *(no.task for no in batch.rejected), *(held.task for held in batch.held))
            if batch.started_at and batch.ended_at and about:
                yield _Event(self._at(batch.ended_at), self._at(batch.started_at), "batch", batch.id, frozenset(about))

    def _approvals(self, outcome: FeatureOutcome) -> Iterator[_Event]:
        for approval in outcome.approvals:
            if approval.answered_at:
                asked, answered = self._at(approval.asked_at), self._at(approval.answered_at)
                yield _Event(answered, asked, "approval", approval.contract, frozenset(approval.holds), approval.owner)

    def _at(self, moment: datetime) -> float:
        return max(0.0, (moment - self._begun).total_seconds())


def _latest(events: Iterable[_Event]) -> _Event | None:
    return max(events, key=lambda event: (event.end, event.start), default=None)


def _ended(events: Iterable[_Event], *, by: float, but: _Event | None = None, kind: str = "") -> list[_Event]:
    """Those that were over by then; `kind`: of one kind alone."""
    return [event for event in events if event.end <= by + _HAIR and event != but and kind in ("", event.kind)]


def _nothing(seconds: float) -> list[ChainStep]:
    return [ChainStep("nothing", "", seconds)] if seconds > _HAIR else []
