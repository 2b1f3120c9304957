"""Keys that are parsed and checked but not carried out in this version: one table, and what of it a plan uses."""

from collections.abc import Callable, Iterator, Mapping

from plait.plans.language.backends import LATER
from plait.plans.language.crew import Crew, Role
from plait.plans.language.model import COMMAND_ROLE, Plan, Task

_TASK: Mapping[str, Callable[[Task], bool]] = {
    # The holder may change what it locks, which is carried out; that others wait for it is not.
    "locks": lambda task: bool(task.locks),
}

_ROLE: Mapping[str, Callable[[Role], bool]] = {
    "capabilities": lambda role: bool(role.capabilities),
    "tokens": lambda role: role.tokens is not None,
    "usd": lambda role: role.usd is not None,
}


def unsupported_keys(plan: Plan, crew: Crew) -> Iterator[str]:
    """The paths of keys in use that nothing carries out, such as `tasks[3].review`; of roles, those that tasks have."""
    for at, task in enumerate(plan.tasks):
        yield from (f"tasks[{at}].{key}" for key, used in _TASK.items() if used(task))
    yield from _later_backends(plan, crew)
    for name in sorted({task.role or COMMAND_ROLE for task in plan.tasks}):
        yield from (f"crew.{name}.{key}" for key, used in _ROLE.items() if used(crew.role(name)))


def _later_backends(plan: Plan, crew: Crew) -> Iterator[str]:
    """Agent programs that roles with a prompt have, and that a run would refuse to begin with."""
    doing = {task.role or COMMAND_ROLE for task in plan.tasks if task.is_for_agent}
    roles = sorted(doing.union(task.review.by for task in plan.tasks if task.review))
    if crew.default_backend in LATER and any(crew.role(name).own_backend is None for name in roles):
        yield f"crew.default_backend: {crew.default_backend}"
    yield from (f"crew.{name}.backend: {backend}" for name in roles if (backend := crew.role(name).backend) in LATER)
