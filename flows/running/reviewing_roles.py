"""Which roles read the work of a run's tasks, and what people should know of them; known without Prefect."""

from collections.abc import Iterable

from plait.flows.inputs.requests import Brief
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.reviewers import is_by_same_backend, reviewer_of
from plait.plans.wording import listed


def reviewers_of(brief: Brief, tasks: Iterable[PlannedTask]) -> tuple[str, ...]:
    """The roles that read the work of these tasks."""
    reviews = ((task, task.task.review) for task in tasks)
    return tuple(reviewer_of(task, review.by, brief.crew) for task, review in reviews if review is not None)


def told_reviewers(brief: Brief, tasks: Iterable[PlannedTask]) -> tuple[str, ...]:
    """A sentence where work is read by the kind of program that has written it, or by another role than the plan's."""
    same, others = list[str](), list[str]()
    for task in tasks:
        review = task.task.review
        if review is None:
            continue
        role = reviewer_of(task, review.by, brief.crew)
        if is_by_same_backend(task, review.by, brief.crew):
            same.append(task.id)
        elif role != review.by:
            others.append(f"{task.id} is reviewed by {role} in place of {review.by}, which has its author's backend")
    if same:
        others.append(f"reviewed by the same backend that does the work, as the crew has no other: {listed(same)}")
    return tuple(others)
