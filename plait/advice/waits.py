"""Why what was ready did not start: all agents of its role were at work, or too little of a resource was left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple


class Work(NamedTuple):
    """A stretch of work, in seconds on any clock, and what it takes meanwhile."""

    start: float
    end: float
    role: str
    uses: Mapping[str, int]


class Scarce(NamedTuple):
    """What there was too little of."""

    what: Literal["role", "resource"]
    name: str


def why_waited(
    wanted: Work, others: Iterable[Work], *, slots: Mapping[str, int], resources: Mapping[str, int]
) -> dict[Scarce, float]:
    """Seconds by what was short, from `wanted.start`, when it was ready, to `wanted.end`, when it started.

    A resource counts only while an agent was free: more units alone would not have helped before. What neither
    explains is left out.
    """
    taken: Counter[Scarce] = Counter()
    events: list[tuple[float, int, Work]] = []
    for other in others:
        if other.end > wanted.start and other.start < wanted.end and other.end > other.start:
            events += [(max(other.start, wanted.start), 1, other), (other.end, -1, other)]
    seconds: dict[Scarce, float] = {}
    now = wanted.start
    for moment, sign, other in sorted(events, key=lambda event: event[:2]):
        until = min(moment, wanted.end)
        short = _short_of(wanted, taken, slots, resources)
        if short is not None and until > now:
            seconds[short] = seconds.get(short, 0.0) + until - now
        now = max(now, until)
        taken[Scarce("role", other.role)] += sign
        for name, units in other.uses.items():
            taken[Scarce("resource", name)] += sign * units
    return seconds


def _short_of(
    wanted: Work, taken: Mapping[Scarce, int], slots: Mapping[str, int], resources: Mapping[str, int]
) -> Scarce | None:
    role = Scarce("role", wanted.role)
    if wanted.role in slots and taken[role] >= slots[wanted.role]:
        return role
    wants = (Scarce("resource", name) for name in wanted.uses)
    return next(
        (
            resource
            for resource in wants
            if taken[resource] + wanted.uses[resource.name] > resources.get(resource.name, 0)
        ),
        None,
    )
