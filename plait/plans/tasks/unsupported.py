"""Keys that are parsed and checked but not carried out in this version: one table, and what of it a plan uses."""

from collections.abc import Callable, Iterator, Mapping

from plait.plans.language.backends import BACKENDS
from plait.plans.language.crew import Crew, Role
from plait.plans.language.model import COMMAND_ROLE, Plan, Task

_TASK: Mapping[str, Callable[[Task], bool]] = {
    # The holder may change what it locks, which is carried out; that others wait for it is not.
    "locks": lambda task: bool(task.locks),
}

_ROLE: Mapping[str, Callable[[Role], bool]] = {
    "tokens": lambda role: role.tokens is not None,
    "usd": lambda role: role.usd is not None,
}
"""Of agents of which nobody knows what they use up: others are stopped at these."""


def unsupported_keys(plan: Plan, crew: Crew) -> Iterator[str]:
    """The paths of keys in use that nothing carries out, such as `tasks[3].review`; of roles, those that tasks have."""
    for at, task in enumerate(plan.tasks):
        yield from (f"tasks[{at}].{key}" for key, used in _TASK.items() if used(task))
    for name in sorted({task.role or COMMAND_ROLE for task in plan.tasks}):
        if _is_uncounted(crew.role(name), crew):
            yield from (f"crew.{name}.{key}" for key, used in _ROLE.items() if used(crew.role(name)))


def _is_uncounted(role: Role, crew: Crew) -> bool:
    """Whether nobody knows what a role's agents use up."""
    backend = role.own_backend or crew.default_backend
    return backend is None or "usage" not in BACKENDS[backend].abilities
