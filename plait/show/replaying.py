"""Whether a run would have ended sooner with more of something: played again, on the durations that were."""

from collections.abc import Iterator, Mapping, Sequence

from plait.advice.simulation import simulate
from plait.advice.waits import Scarce
from plait.plans.errors import CallError
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.outcomes import Conditions, FeatureOutcome
from plait.show.metrics import worked_seconds

_PERSON = "a person"
"""No role is named so."""


def gains_of_one_more(outcome: FeatureOutcome, scarce: Sequence[Scarce]) -> dict[Scarce, float]:
    """Seconds by which the run would have ended sooner with one more agent of a role, or unit of a resource.

    Persons answer as they did; verification is left out. Nothing for a run of which the conditions are not known.
    """
    had = outcome.conditions
    if had is None or not scarce:
        return {}
    try:
        elapsed = _elapsed(outcome, had)
        return {one: max(0.0, elapsed - _elapsed(outcome, _with_one_more(had, one))) for one in scarce}
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
    for number, one in enumerate(outcome.approvals):
        seconds = (one.answered_at - one.asked_at).total_seconds() if one.answered_at else 0.0
        needs = ((one.owner,),) if one.owner in known else ()
        yield Job(id=_answer(number), role=_PERSON, seconds=max(0.0, seconds), needs=needs)


def _answers_by_task(outcome: FeatureOutcome) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, one in enumerate(outcome.approvals):
        for task in one.holds:
            if task != one.owner:
                found.setdefault(task, []).append(_answer(number))
    return found


def _answer(number: int) -> str:
    return f"answer {number}"
