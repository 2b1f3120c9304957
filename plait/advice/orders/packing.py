"""A plan's jobs and limits as plain lists and integers: what a search makes thousands of schedules from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from plait.plans.schedule.jobs import Kind, Layout


class Way(NamedTuple):
    """The needs of a plan in one direction of time, by place."""

    before: list[list[int]]
    after: list[list[int]]
    order: list[int]
    """All places, each after those before it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """All limits in one integer, a field for each role and resource, with a guard bit above each field.

    What is free is `free`, guards set; a job fits when `(free - need) & guard == guard`, as a field that would go below
    zero borrows from its guard.
    """

    seconds: list[float]
    need: list[int]
    free: int
    guard: int
    pool: list[int]
    """By place; jobs of different pools never take the same."""
    least: list[int]
    """By pool, a need that fits whenever any of its jobs does."""
    forth: Way
    back: Way
    classes: list[int] | None
    """Priority by place, 1 first; nothing where all are of one class."""


def pack(layout: Layout, before: Sequence[Sequence[int]]) -> Packed:
    """The jobs of a layout with hard needs only: `before` are their places by place."""
    shifts, free, guard = [], 0, 0
    for count in (*layout.slots, *layout.units):
        shift = guard.bit_length()
        shifts.append(shift)
        free |= count << shift
        guard |= 1 << shift + count.bit_length()
    needs = [_need(kind, shifts, len(layout.slots)) for kind in layout.kinds]
    pools = _pools(layout.kinds)
    least = [
        _least([kind for kind, own in zip(layout.kinds, pools, strict=True) if own == pool]) for pool in set(pools)
    ]
    numbers = {pool: number for number, pool in enumerate(set(pools))}
    forth = _way([list(needs) for needs in before], layout.graph.sequence)
    return Packed(
        seconds=[job.seconds for job in layout.jobs],
        need=[needs[kind] for kind in layout.kind],
        free=free | guard,
        guard=guard,
        pool=[numbers[pools[kind]] for kind in layout.kind],
        least=[units << shifts[role] for role, units in least],
        forth=forth,
        back=Way(forth.after, forth.before, forth.order[::-1]),
        classes=[job.priority for job in layout.jobs] if len({job.priority for job in layout.jobs}) > 1 else None,
    )


def _need(kind: Kind, shifts: list[int], roles: int) -> int:
    return (kind.units << shifts[kind.role]) + sum(units << shifts[roles + resource] for resource, units in kind.uses)


def _pools(kinds: Sequence[Kind]) -> list[int]:
    """By kind, its role; roles with jobs that use resources share one pool."""
    bound = {kind.role for kind in kinds if kind.uses}
    return [min(bound) if kind.role in bound else kind.role for kind in kinds]


def _least(kinds: Sequence[Kind]) -> tuple[int, int]:
    """A role, and the slots of it that each of the kinds takes at least; none when they are of several roles."""
    alike = len({kind.role for kind in kinds}) == 1
    return kinds[0].role, min(kind.units for kind in kinds) if alike else 0


def _way(before: list[list[int]], order: list[int]) -> Way:
    after: list[list[int]] = [[] for _ in before]
    for place, needs in enumerate(before):
        for need in needs:
            after[need].append(place)
    return Way(before, after, order)
