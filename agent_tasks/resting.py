"""The roles that start no agent now, as the machine says; and where it hears of programs that break off."""

from collections.abc import Callable
from dataclasses import dataclass

from plait.plans.journal.events import ProgramBroke


def _nobody(_broke: ProgramBroke) -> None:
    """Where no machine listens."""


@dataclass(slots=True)
class Resting:
    """Written by the loop, read by the threads of tries before each: no other try begins meanwhile."""

    roles: frozenset[str] = frozenset()
    on_broken: Callable[[ProgramBroke], None] = _nobody
