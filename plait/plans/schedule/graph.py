"""What must come before what: the order of a plan's tasks, its levels, and the needs that say nothing new."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush

from plait.plans.errors import CallError
from plait.plans.schedule.timing import Timing

Needs = tuple[tuple[str, ...], ...]
"""Groups that must all be met, each by the first of its tasks that succeeds; a hard need is a group of one."""


class Graph:
    """The needs of a plan's tasks, by id outside and by place in the plan inside.

    `hard[i]` are the places of the tasks that task i needs for certain, `choices[i]` its any-of groups, `before[i]`
    both together and `after[i]` the other way round. Raises `CallError` when a need names no task of the plan.
    """

    def __init__(self, needs: Mapping[str, Needs]) -> None:
        self.ids = tuple(needs)
        self.place = {task: place for place, task in enumerate(self.ids)}
        self.hard: list[tuple[int, ...]] = []
        self.choices: list[tuple[tuple[int, ...], ...]] = []
        for task, groups in needs.items():
            self._add(task, groups)
        self.before = [_united(hard, groups) for hard, groups in zip(self.hard, self.choices, strict=True)]
        self.after = _turned_round(self.before)
        self.sure_after = self.after if not any(self.choices) else _turned_round(self.hard)

    def _add(self, task: str, groups: Needs) -> None:
        place = self.place
        try:
            places = [tuple([place[need] for need in group]) for group in groups]
        except KeyError as unknown:
            need = unknown.args[0]
            raise CallError(
                f"task {task!r} needs {need!r}, which is not in the plan", hint="add it, or drop the need"
            ) from None
        hard = tuple(dict.fromkeys([group[0] for group in places if len(set(group)) == 1]))
        self.hard.append(hard)
        self.choices.append(
            tuple(dict.fromkeys(tuple(dict.fromkeys(group)) for group in places if len(set(group)) > 1))
        )

    @cached_property
    def _sorted(self) -> list[int]:
        """Places in dependency order, ties in plan order; without those that stand in or behind a cycle."""
        waiting = [len(before) for before in self.before]
        ready = [place for place, count in enumerate(waiting) if not count]
        order = []
        while ready:
            place = heappop(ready)
            order.append(place)
            for later in self.after[place]:
                waiting[later] -= 1
                if not waiting[later]:
                    heappush(ready, later)
        return order

    @cached_property
    def cycle(self) -> tuple[str, ...] | None:
        """A task, what it needs, what that needs, and so on back to the task; None when there is no way round."""
        if len(self._sorted) == len(self.ids):
            return None
        stuck = set(range(len(self.ids))).difference(self._sorted)
        path: dict[int, None] = {}
        place = min(stuck)
        while place not in path:
            path[place] = None
            place = next(need for need in self.before[place] if need in stuck)
        walked = list(path)
        return tuple(self.ids[step] for step in [*walked[walked.index(place) :], place])

    @cached_property
    def sequence(self) -> list[int]:
        """All places in dependency order, ties in plan order. Raises `CallError` when there is a cycle."""
        if self.cycle:
            circle = " needs ".join(self.cycle)
            raise CallError(f"tasks need each other in a circle: {circle}", hint="drop one of these needs")
        return self._sorted

    @property
    def order(self) -> tuple[str, ...]:
        """All tasks, each after what it needs. Raises `CallError` when there is a cycle."""
        return tuple(self.ids[place] for place in self.sequence)

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Tasks by how many rounds must end before them, if each took one round and nothing were scarce."""
        rounds = Timing(self, [1.0] * len(self.ids)).heads
        levels: list[list[str]] = [[] for _ in range(int(max(rounds, default=-1.0)) + 1)]
        for task, head in zip(self.ids, rounds, strict=True):
            levels[int(head)].append(task)
        return tuple(map(tuple, levels))

    def timed(self, seconds: Mapping[str, float]) -> Timing:
        """Heads, tails, slack and critical path when task `id` takes `seconds[id]`."""
        return Timing(self, [seconds[task] for task in self.ids])

    def frees(self, task: str) -> tuple[str, ...]:
        """The tasks that name this one in their needs."""
        return tuple(self.ids[place] for place in self.after[self.place[task]])

    def descendants(self, task: str) -> tuple[str, ...]:
        """All that comes behind a task, alternatives included, in plan order."""
        reached = self._reach[self.place[task]]
        return tuple(self.ids[place] for place in range(len(self.ids)) if reached >> self._bit[place] & 1)

    @cached_property
    def descendant_counts(self) -> list[int]:
        """How many tasks come behind each task, by place."""
        return [reached.bit_count() for reached in self._reach]

    @cached_property
    def _bit(self) -> list[int]:
        # Counted from the end of the order, so that late tasks, the many, have short integers.
        bits = [0] * len(self.ids)
        for bit, place in enumerate(reversed(self.sequence)):
            bits[place] = bit
        return bits

    @cached_property
    def _reach(self) -> list[int]:
        return self._closure(self.after)

    @cached_property
    def _sure_reach(self) -> list[int]:
        return self._reach if self.sure_after is self.after else self._closure(self.sure_after)

    def _closure(self, after: Sequence[Sequence[int]]) -> list[int]:
        """For each place the set of places behind it, as an integer with `_bit[place]` set for each."""
        bit, reach = self._bit, [0] * len(self.ids)
        for place in reversed(self.sequence):
            behind = 0
            for later in after[place]:
                behind |= reach[later] | 1 << bit[later]
            reach[place] = behind
        return reach

    def redundant(self) -> dict[str, Needs]:
        """By task, the needs that its other needs imply; tasks without such needs are left out.

        A hard need is implied when another hard need comes behind it, an any-of group when one of its tasks is certain
        anyway. What is left is the transitive reduction.
        """
        found = {}
        for place, hard in enumerate(self.hard):
            if len(hard) + len(self.choices[place]) > 1 and (implied := self._implied(hard, self.choices[place])):
                found[self.ids[place]] = implied
        return found

    def _implied(self, hard: tuple[int, ...], choices: tuple[tuple[int, ...], ...]) -> Needs:
        certain = 0
        for need in hard:
            certain |= 1 << self._bit[need]
        reach = self._sure_reach
        singles = [(need,) for need in hard if reach[need] & certain]
        groups = [group for group in choices if any((reach[need] | 1 << self._bit[need]) & certain for need in group)]
        return tuple(tuple(self.ids[need] for need in group) for group in [*singles, *groups])


def _united(hard: tuple[int, ...], choices: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys([*hard, *(need for group in choices for need in group)])) if choices else hard


def _turned_round(before: Sequence[Sequence[int]]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in before]
    for place, needs in enumerate(before):
        for need in needs:
            after[need].append(place)
    return after
