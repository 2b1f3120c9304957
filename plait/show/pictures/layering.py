"""Places a graph level by level: few crossings, needs as straight as they can be (Sugiyama, Tagawa and Toda 1981)."""

import itertools
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from plait.plans.errors import CallError

Spot = tuple[str, str, int]
"""A task (twice its id, its level), or the place where the need of a task (second) on another passes a level."""

_SWEEPS = 12
_SHIFTS = 8
MOST_STEPS = 200_000
"""Of all needs from level to level: beyond it nobody sees anything, and memory and minutes are gone."""
_EFFORT = 400_000
"""Steps that are gone over in all: large graphs get fewer sweeps and shifts."""


@dataclass(frozen=True, slots=True)
class Layering:
    """Where everything is: the level, and the middle from top to bottom in pixels from 0."""

    levels: tuple[tuple[str, ...], ...]
    """Tasks by level, top to bottom."""
    middles: Mapping[Spot, float]
    ways: Mapping[tuple[str, str], tuple[Spot, ...]]
    """By need (source, target), the spots that it leads through, both ends included."""
    height: float


def task_spot(task: str, level: int) -> Spot:
    return (task, task, level)


def lay_out(levels: Sequence[Sequence[str]], needs: Iterable[tuple[str, str]], *, row: float, lane: float) -> Layering:
    """Order each level and place it; a task takes `row` pixels of height, a need that passes by takes `lane`.

    Raises:
        CallError: there are more and longer needs than a picture can hold.
    """
    level_of = {task: number for number, level in enumerate(levels) for task in level}
    needs = tuple(needs)
    rounds = _rounds(sum(level_of[target] - level_of[source] for source, target in needs))
    ways = {need: _way(need, level_of) for need in needs}
    columns = [[task_spot(task, number) for task in level] for number, level in enumerate(levels)]
    before: defaultdict[Spot, list[Spot]] = defaultdict(list)
    after: defaultdict[Spot, list[Spot]] = defaultdict(list)
    for way in ways.values():
        for spot in way[1:-1]:
            columns[spot[2]].append(spot)
        for left, right in itertools.pairwise(way):
            after[left].append(right)
            before[right].append(left)
    ordered = _ordered(columns, before, after, sweeps=min(rounds, _SWEEPS))
    middles = _placed(
        ordered, before, after, size=lambda spot: row if spot[0] == spot[1] else lane, shifts=min(rounds, _SHIFTS)
    )
    return Layering(
        levels=tuple(tuple(spot[0] for spot in column if spot[0] == spot[1]) for column in ordered),
        middles=middles,
        ways=ways,
        height=max(middles.values(), default=0.0) + row / 2,
    )


def _rounds(steps: int) -> int:
    """How often a graph of so many steps from level to level can be gone over."""
    if steps > MOST_STEPS:
        hint = "write it with `--format dot`, mermaid or json, or draw a part of the plan"
        raise CallError(f"the plan has too many needs for a picture ({steps:,} lines from level to level)", hint=hint)
    return max(1, _EFFORT // max(1, steps))


def _way(need: tuple[str, str], level_of: Mapping[str, int]) -> tuple[Spot, ...]:
    source, target = need
    first, last = level_of[source], level_of[target]
    passes = ((source, target, level) for level in range(first + 1, last))
    return (task_spot(source, first), *passes, task_spot(target, last))


_Neighbours = Mapping[Spot, Sequence[Spot]]


def _ordered(columns: list[list[Spot]], before: _Neighbours, after: _Neighbours, *, sweeps: int) -> list[list[Spot]]:
    """Levels sorted by the mean place of their neighbours, to and fro; the best order that was met."""
    best, fewest = columns, _all_crossings(columns, after)
    for sweep in range(sweeps):
        if not fewest:
            break
        columns = _swept(columns, before if sweep % 2 == 0 else after, backwards=sweep % 2 == 1)
        crossings = _all_crossings(columns, after)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _swept(columns: Sequence[Sequence[Spot]], beside: _Neighbours, *, backwards: bool) -> list[list[Spot]]:
    swept = [list(column) for column in columns]
    places = {spot: float(at) for column in swept for at, spot in enumerate(column)}
    for column in reversed(swept) if backwards else swept:
        means = {
            spot: _mean([places[neighbour] for neighbour in beside.get(spot, ())], places[spot]) for spot in column
        }
        column.sort(key=means.__getitem__)
        places.update((spot, float(at)) for at, spot in enumerate(column))
    return swept


def _all_crossings(columns: Sequence[Sequence[Spot]], after: _Neighbours) -> int:
    """How often needs cross between neighbouring levels: the inversions of their ends."""
    crossings = 0
    for left, right in itertools.pairwise(columns):
        places = {spot: at for at, spot in enumerate(right)}
        seen: list[int] = []
        for spot in left:
            ends = sorted(places[neighbour] for neighbour in after.get(spot, ()))
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


def _placed(
    columns: Sequence[Sequence[Spot]],
    before: _Neighbours,
    after: _Neighbours,
    *,
    size: Callable[[Spot], float],
    shifts: int,
) -> dict[Spot, float]:
    """Middles near the mean of the neighbours', in the given order and without overlaps; the topmost touches 0."""
    middles: dict[Spot, float] = {}
    for column in columns:
        _put(column, [0.0] * len(column), middles, size)
    for shift in range(shifts):
        beside = before if shift % 2 == 0 else after
        for column in columns if shift % 2 == 0 else reversed(columns):
            wanted = [
                _mean([middles[neighbour] for neighbour in beside.get(spot, ())], middles[spot]) for spot in column
            ]
            _put(column, wanted, middles, size)
    top = min((middle - size(spot) / 2 for spot, middle in middles.items()), default=0.0)
    return {spot: middle - top for spot, middle in middles.items()}


def _put(
    column: Sequence[Spot], wanted: Sequence[float], middles: dict[Spot, float], size: Callable[[Spot], float]
) -> None:
    """The places nearest to those wanted (least squares) that keep order and distance: pool adjacent violators."""
    offsets, offset = [], 0.0
    for at, spot in enumerate(column):
        offset += (size(column[at - 1]) + size(spot)) / 2 if at else 0.0
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for place, behind in zip(wanted, offsets, strict=True):
        mean, count = place - behind, 1
        while pools and pools[-1][0] >= mean:
            other, more = pools.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        pools.append((mean, count))
    shifts = [mean for mean, count in pools for _ in range(count)]
    middles.update((spot, shift + behind) for spot, shift, behind in zip(column, shifts, offsets, strict=True))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
