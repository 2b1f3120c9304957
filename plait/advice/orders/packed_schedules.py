"""A plan as plain integers, and the schedules that an order of its jobs makes: what a search makes by the thousand."""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
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


class PackedSchedule(NamedTuple):
    """When each job starts, by place, and when the last ends; seconds."""

    starts: list[float]
    end: float


def never_idle(plan: Packed, order: Sequence[int], way: Way) -> PackedSchedule:
    """At each moment start all that fits, in this order, places first to last: what the dispatcher does.

    The parallel schedule generation scheme (Kelley 1963; Kolisch 1996, EJOR 90:320-333).
    """
    if plan.classes is not None and way is plan.forth:
        order = sorted(order, key=plan.classes.__getitem__)
    rank = [0] * len(order)
    for turn, place in enumerate(order):
        rank[place] = turn
    seconds, need, guard, free, after = plan.seconds, plan.need, plan.guard, plan.free, way.after
    pool, least = plan.pool, plan.least
    unmet = [len(before) for before in way.before]
    waiting: list[list[int]] = [[] for _ in least]
    for turn, place in enumerate(order):
        if not unmet[place]:
            waiting[pool[place]].append(turn)
    starts, now = [0.0] * len(order), 0.0
    underway: list[tuple[float, int]] = []
    while True:
        for number, turns in enumerate(waiting):
            if not turns or (free - least[number]) & guard != guard:
                continue
            left = []
            for position, turn in enumerate(turns):
                place = order[turn]
                rest = free - need[place]
                if rest & guard != guard:
                    left.append(turn)
                    continue
                free, starts[place] = rest, now
                heappush(underway, (now + seconds[place], place))
                if (rest - least[number]) & guard != guard:
                    left += turns[position + 1 :]
                    break
            waiting[number] = left
        if not underway:
            return PackedSchedule(starts, now)
        now = underway[0][0]
        while underway and underway[0][0] <= now:
            place = heappop(underway)[1]
            free += need[place]
            for later in after[place]:
                unmet[later] -= 1
                if not unmet[later]:
                    insort(waiting[pool[later]], rank[later])


def one_by_one(plan: Packed, order: Sequence[int], way: Way) -> PackedSchedule:
    """Each job in turn as early as it fits beside those before it; the order must respect the needs.

    The serial schedule generation scheme: some order gives a schedule that no other beats, which is not so of
    `never_idle` (Kolisch 1996).
    """
    seconds, guard, before = plan.seconds, plan.guard, way.before
    moments, free = [0.0], [plan.free]
    starts, ends, last = [0.0] * len(order), [0.0] * len(order), 0.0
    for place in order:
        start = 0.0
        for earlier in before[place]:
            if ends[earlier] > start:
                start = ends[earlier]
        own = seconds[place]
        if own:
            need = plan.need[place]
            first = bisect_right(moments, start) - 1
            start, end, first, beyond = _gap(moments, free, start, own, first, need, guard)
            if moments[first] != start:
                first += 1
                moments.insert(first, start)
                free.insert(first, free[first - 1])
                beyond += 1
            if beyond == len(moments) or moments[beyond] != end:
                moments.insert(beyond, end)
                free.insert(beyond, free[beyond - 1])
            for step in range(first, beyond):
                free[step] -= need
            if end > last:
                last = end
        starts[place], ends[place] = start, start + own
    return PackedSchedule(starts, last)


def _gap(
    moments: list[float], free: list[int], start: float, own: float, first: int, need: int, guard: int
) -> tuple[float, float, int, int]:
    """The first gap from a moment on: start, end, the step that holds the start, and the first step past the end."""
    step, steps, end = first, len(moments), start + own
    while step < steps and moments[step] < end:
        if (free[step] - need) & guard == guard:
            step += 1
        else:
            step += 1
            first, start = step, moments[step]
            end = start + own
    return start, end, first, step


def in_order_of_start(starts: Sequence[float], way: Way) -> list[int]:
    """All places by start, those of one moment in the order of their needs."""
    return sorted(way.order, key=starts.__getitem__)


def latest_first(plan: Packed, schedule: PackedSchedule, way: Way) -> list[int]:
    """All places by falling end: the order in which a plan turned round in time would do them, `way` being its way."""
    ends = [start + own for start, own in zip(schedule.starts, plan.seconds, strict=True)]
    return sorted(way.order, key=ends.__getitem__, reverse=True)


def by_latest_start(plan: Packed, starts: Sequence[float]) -> list[int]:
    """All places by how late they could start if the schedule ended as it does, played back from its end."""
    back = never_idle(plan, latest_first(plan, PackedSchedule(list(starts), 0.0), plan.back), plan.back)
    return latest_first(plan, back, plan.forth)
