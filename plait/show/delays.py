"""What a run's tasks were held up by: persons who had to answer, roles and resources of which there was little."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from plait.advice.waits import Scarce
from plait.plans.tasks.outcomes import Approval, FeatureOutcome, TaskOutcome
from plait.show.last_chain import LastChain
from plait.show.metrics import worked_seconds

_FULL = 0.8
"""What is in use for this share of the run is worth a look, also where the last tasks did not wait for it."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Tasks that waited for a person."""

    contract: str
    tasks: tuple[str, ...]
    seconds: float
    """Of the task that waited longest."""


def longest_delay(outcome: FeatureOutcome) -> Delay | None:
    """The answer that what it held waited for longest; nothing where no task could have started sooner."""
    longest: Delay | None = None
    for one in outcome.approvals:
        waited = dict(_waited(outcome, one))
        if waited and (longest is None or max(waited.values()) > longest.seconds):
            longest = Delay(one.contract, tuple(waited), max(waited.values()))
    return longest


def _waited(outcome: FeatureOutcome, asked: Approval) -> Iterator[tuple[str, float]]:
    """Each task that an answer held, with the seconds in which it lacked nothing else."""
    until = asked.answered_at or outcome.ended_at
    tasks = {task.id: task for task in outcome.tasks}
    for name in asked.holds if until else ():
        if name in tasks and until is not None:
            since = max([asked.asked_at, *_others_there(outcome, tasks, name)])
            if since < until:
                yield name, (until - since).total_seconds()


def _others_there(outcome: FeatureOutcome, tasks: dict[str, TaskOutcome], name: str) -> Iterator[datetime]:
    """When each need of a task was there; the end of the run for one that never was."""
    needs = outcome.conditions.needs.get(name, ()) if outcome.conditions else ()
    for group in needs:
        known = [tasks[need] for need in group if need in tasks]
        ends = [end for task in known if (end := _there(task, outcome))]
        if known:
            yield min(ends, default=outcome.ended_at or outcome.started_at)


def _there(task: TaskOutcome, outcome: FeatureOutcome) -> datetime | None:
    if task.commit is None:
        return None
    first = next((span.ended_at for span in task.spans if not span.repair), task.ended_at)
    return first or outcome.started_at  # by an earlier run


def scarce_of(outcome: FeatureOutcome, chain: LastChain) -> list[Scarce]:
    """The roles and resources that the last tasks waited for, and those that were in use nearly all the time."""
    found = [Scarce(what, name) for what, name in chain.totals() if what in ("role", "resource")]
    had = outcome.conditions
    every = [Scarce("role", name) for name in had.slots] if had else []
    every += [Scarce("resource", name) for name in had.resources] if had else []
    return list(dict.fromkeys((*found, *(one for one in every if share_of(outcome, one) >= _FULL))))


def share_of(outcome: FeatureOutcome, scarce: Scarce) -> float:
    """How much of what there was of it was in use over the run, 0 to 1."""
    had = outcome.conditions
    if had is None or outcome.elapsed_seconds <= 0:
        return 0.0
    used: defaultdict[Scarce, float] = defaultdict(float)
    for task in outcome.tasks:
        worked = worked_seconds(task) or 0.0
        used[Scarce("role", task.role)] += worked
        for name, units in had.uses.get(task.id, {}).items():
            used[Scarce("resource", name)] += units * worked
    there = (had.slots if scarce.what == "role" else had.resources).get(scarce.name, 0)
    return min(1.0, used[scarce] / (there * outcome.elapsed_seconds)) if there else 0.0
