"""What makes a checkout ready for a task: what the crew, its role and the task itself say, together."""

from dataclasses import dataclass

from plait.plans.language.crew import Crew
from plait.plans.language.environment import GivenVariable, added
from plait.plans.language.model import Integration, Task


@dataclass(frozen=True, slots=True)
class Groundwork:
    """What a checkout gets beside the files of its commit."""

    setup: tuple[str, ...] = ()
    setup_inputs: tuple[str, ...] = ()
    environment: tuple[GivenVariable, ...] = ()
    copy: tuple[str, ...] = ()
    submodules: bool = False


NOTHING = Groundwork()
"""A checkout that gets the files of its commit alone."""


def own_groundwork(task: Task) -> Groundwork:
    """What a task says itself."""
    return Groundwork(task.setup, task.setup_inputs, task.environment, task.copy)


def crews_groundwork(crew: Crew, integration: Integration) -> Groundwork:
    """What `integration.verify` has: what the crew says, with variables of its own."""
    given = added(crew.environment, integration.environment)
    return Groundwork(crew.setup, crew.setup_inputs, given, crew.copy, crew.fills_submodules())


def groundwork_of(crew: Crew, role: str, own: Groundwork) -> Groundwork:
    """The narrowest set-up, variables and copied files together, as a task of a role has them."""
    wider = crew.role(role)
    setup, inputs = next(
        ((holder.setup, holder.setup_inputs) for holder in (own, wider, crew) if holder.setup), ((), ())
    )
    return Groundwork(
        setup,
        inputs,
        added(crew.environment, wider.environment, own.environment),
        tuple(dict.fromkeys((*crew.copy, *wider.copy, *own.copy))),
        crew.fills_submodules(role),
    )
