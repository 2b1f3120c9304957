"""The roles that start no agent now, as the machine says; and where it hears of what happens within a try."""

from collections.abc import Callable
from dataclasses import dataclass

from plait.plans.journal.events import NoteTold, ProgramBroke


def _nobody(_event: ProgramBroke | NoteTold) -> None:
    """Where no machine listens."""


@dataclass(slots=True)
class Resting:
    """Written by the loop, read by the threads of tries before each: no other try begins meanwhile."""

    roles: frozenset[str] = frozenset()
    on_event: Callable[[ProgramBroke | NoteTold], None] = _nobody
