"""What a run's tasks were held up by: persons, roles and resources; and what one more of these would have gained."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from plait.advice.simulation import simulate
from plait.advice.waits import Scarce
from plait.plans.errors import CallError
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.outcomes import Approval, Conditions, FeatureOutcome, TaskOutcome
from plait.show.last_chain import LastChain
from plait.show.metrics import worked_seconds

_FULL = 0.8
"""What is in use for this share of the run is worth a look, also where the last tasks did not wait for it."""

_PERSON = "a person"
"""No role is named so."""


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
    for approval in outcome.approvals:
        waited = dict(_waited(outcome, approval))
        if waited and (longest is None or max(waited.values()) > longest.seconds):
            longest = Delay(approval.contract, tuple(waited), max(waited.values()))
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
    known = [Scarce(what, name) for what, name in chain.totals() if what in ("role", "resource")]
    had = outcome.conditions
    every = [Scarce("role", name) for name in had.slots] if had else []
    every += [Scarce("resource", name) for name in had.resources] if had else []
    return list(dict.fromkeys((*known, *(scarce for scarce in every if share_of(outcome, scarce) >= _FULL))))


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


def gains_of_one_more(outcome: FeatureOutcome, scarce: Sequence[Scarce]) -> dict[Scarce, float]:
    """Seconds by which the run would have ended sooner with one more agent of a role, or unit of a resource.

    Persons answer as they did; verification is left out. Nothing for a run of which the conditions are not known.
    """
    had = outcome.conditions
    if had is None or not scarce:
        return {}
    try:
        elapsed = _elapsed(outcome, had)
        return {short: max(0.0, elapsed - _elapsed(outcome, _with_one_more(had, short))) for short in scarce}
    except CallError:  # of a record that was damaged
        return {}


def _with_one_more(had: Conditions, scarce: Scarce) -> Conditions:
    field, amounts = ("slots", had.slots) if scarce.what == "role" else ("resources", had.resources)
    return had.model_copy(update={field: {**amounts, scarce.name: amounts.get(scarce.name, 0) + 1}})


def _elapsed(outcome: FeatureOutcome, conditions: Conditions) -> float:
    jobs = [*_jobs(outcome, conditions), *_answers(outcome)]
    slots = {**conditions.slots, _PERSON: max(1, len(outcome.approvals))}
    played = simulate(Dispatcher(jobs, slots=slots, resources=conditions.resources), {})
    return max((end for _, end in played.values()), default=0.0)


def _jobs(outcome: FeatureOutcome, conditions: Conditions) -> Iterator[Job]:
    known = {task.id for task in outcome.tasks}
    answers = _answers_by_task(outcome)
    for task in outcome.tasks:
        needs = (tuple(need for need in group if need in known) for group in conditions.needs.get(task.id, ()))
        yield Job(
            id=task.id,
            role=task.role,
            seconds=worked_seconds(task) or 0.0,
            needs=(*(group for group in needs if group), *((name,) for name in answers.get(task.id, ()))),
            uses=conditions.uses.get(task.id, {}),
        )


def _answers(outcome: FeatureOutcome) -> Iterator[Job]:
    """A person's answers, as jobs between the task that asked and those that waited."""
    known = {task.id for task in outcome.tasks}
    for number, approval in enumerate(outcome.approvals):
        seconds = (approval.answered_at - approval.asked_at).total_seconds() if approval.answered_at else 0.0
        needs = ((approval.owner,),) if approval.owner in known else ()
        yield Job(id=_answer(number), role=_PERSON, seconds=max(0.0, seconds), needs=needs)


def _answers_by_task(outcome: FeatureOutcome) -> Mapping[str, list[str]]:
    answers: dict[str, list[str]] = {}
    for number, approval in enumerate(outcome.approvals):
        for task in approval.holds:
            if task != approval.owner:
                answers.setdefault(task, []).append(_answer(number))
    return answers


def _answer(number: int) -> str:
    return f"answer {number}"
