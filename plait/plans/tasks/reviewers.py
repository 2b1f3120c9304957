"""Which role reads the work of a task."""

from plait.plans.language.crew import Crew
from plait.plans.tasks.expansion import PlannedTask


def reviewer_of(task: PlannedTask, by: str, crew: Crew) -> str:
    """The role that reviews: `by`, as the plan says, or one of its fallbacks if only that has another backend.

    A model overlooks again what it has overlooked while it wrote.
    """
    written_by = _backend_of(crew, task.role) if task.task.is_for_agent else None
    others = (role for role in (by, *crew.role(by).fallback) if _backend_of(crew, role) != written_by)
    return next(others, by)


def is_by_same_backend(task: PlannedTask, by: str, crew: Crew) -> bool:
    """Whether the work is read by the kind of program that has written it, as the crew allows no other."""
    return task.task.is_for_agent and _backend_of(crew, reviewer_of(task, by, crew)) == _backend_of(crew, task.role)


def _backend_of(crew: Crew, role: str) -> tuple[object, ...]:
    """What a role's agents are: programs of any kind are told apart by what is started."""
    known = crew.role(role)
    backend = known.own_backend or crew.default_backend
    return (backend, known.command[:1]) if backend == "command" and known.command else (backend,)
