"""Which small tasks go to one agent together, and what that saves, in a sentence."""

from collections.abc import Sequence

from plait.plans.phrasing import count, listed, spell_roughly
from plait.plans.tasks.expansion import PlannedTask

_TOLD = 6


def told_bundles(bundles: Sequence[PlannedTask], *, saved: float) -> str:
    """`bundles: A, B and C to one agent: saves 12 min (P50)`; `saved` in seconds."""
    told = [f"{listed(tuple(member.id for member in one.members))} to one agent" for one in bundles[:_TOLD]]
    if len(bundles) > _TOLD:
        told.append(count(len(bundles) - _TOLD, "more bundle"))
    return f"bundles: {'; '.join(told)}: saves {spell_roughly(saved)} (P50)"
