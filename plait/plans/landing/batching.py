"""When finished branches form a batch, which, and in what order they are merged."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import isfinite

_MOST_OVERTAKEN = 10


@dataclass(frozen=True, slots=True)
class FinishedBranch:
    """A branch that is done and not landed."""

    task: str
    at: float
    """When it was finished, in seconds."""
    needs: tuple[str, ...] = ()
    """The tasks that it was built on."""
    priority: int = 3
    """1 (critical) to 5 (idle)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A batch forms now."""

    tasks: tuple[str, ...]
    """In merge order."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """No batch forms now."""

    until: float | None
    """When one forms if nothing else happens, in seconds; None: only an end can bring one."""


def next_batch(
    finished: Sequence[FinishedBranch],
    *,
    running: int,
    busy: bool = True,
    ready: float | None,
    wait: float | None,
    now: float,
) -> Due | NotYet:
    """Whether a batch forms now; there is a verification slot for it.

    Where neither `ready` nor `wait` is given, at once. Else at a share `ready` (0 to 1) of finished branches among
    those and the `running` agents, after the oldest has waited `wait` seconds, or when nothing is `busy`. What a branch
    needs and is not among them is taken to have landed.
    """
    if not finished:
        return NotYet(until=None)
    oldest = min(branch.at for branch in finished)
    # 0.8 of 10 must be 8 whatever floats make of it.
    enough = ready is not None and len(finished) >= ready * (len(finished) + running) - 1e-9
    late = wait is not None and now >= oldest + wait
    if not busy or enough or late or (ready is None and wait is None):
        return Due(_ordered(finished))
    return NotYet(until=oldest + wait if wait is not None and isfinite(wait) else None)


def back_off(times: int) -> float | None:
    """Seconds until what others have overtaken `times` times in a row is tried again; nothing when it is given up.

    2, 4, 8 … 60 seconds: with the ten that there are, five minutes beside what the verifications take.
    """
    return None if times > _MOST_OVERTAKEN else min(60.0, 2.0**times)


def _ordered(branches: Sequence[FinishedBranch]) -> tuple[str, ...]:
    needs = {branch.task: branch.needs for branch in branches}
    priority = {branch.task: branch.priority for branch in branches}
    at = {branch.task: branch.at for branch in branches}
    return merge_order(list(needs), needs=needs, priority=priority, at=at)


def merge_order(
    tasks: Iterable[str],
    *,
    needs: Mapping[str, Collection[str]],
    priority: Mapping[str, int],
    at: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Each task after what it needs, also through tasks not given; then by priority, then oldest, then as given.

    Raises ValueError when tasks need each other.
    """
    given = list(dict.fromkeys(tasks))
    before = {task: _nearest(task, frozenset(given), needs) for task in given}
    waiting = {task: len(nearest) for task, nearest in before.items()}
    turns = {task: (priority.get(task, 3), (at or {}).get(task, 0.0), turn) for turn, task in enumerate(given)}
    heap = sorted((turns[task], task) for task in given if not waiting[task])
    order: list[str] = []
    while heap:
        _, landed = heappop(heap)
        order.append(landed)
        for task in given:
            if landed in before[task]:
                waiting[task] -= 1
                if not waiting[task]:
                    heappush(heap, (turns[task], task))
    if len(order) < len(given):
        raise ValueError(f"these tasks need each other: {', '.join(task for task in given if waiting[task])}")
    return tuple(order)


def _nearest(task: str, stops: frozenset[str], needs: Mapping[str, Collection[str]]) -> set[str]:
    """The tasks of `stops` that a task needs with none of them between."""
    behind, seen, path = set(), {task}, list(needs.get(task, ()))
    while path:
        need = path.pop()
        if need in seen and need != task:
            continue
        seen.add(need)
        if need in stops:
            behind.add(need)
        elif need != task:
            path.extend(needs.get(need, ()))
    return behind
