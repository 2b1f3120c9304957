"""What must come before what: the order of a plan's tasks, and when each could start if nothing were scarce."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush

from plait.plans.errors import CallError

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

    def timed(self, seconds: Mapping[str, float]) -> "Timing":
        """Heads, tails, slack and critical path when task `id` takes `seconds[id]`."""
        return Timing(self, [seconds[task] for task in self.ids])

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
        redundant = {}
        for place, hard in enumerate(self.hard):
            if len(hard) + len(self.choices[place]) > 1 and (implied := self._implied(hard, self.choices[place])):
                redundant[self.ids[place]] = implied
        return redundant

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


class Timing:
    """A graph with a duration in seconds for each task; all lists are by place in the plan, all figures seconds."""

    def __init__(self, graph: Graph, seconds: Sequence[float]) -> None:
        self.graph = graph
        self.seconds = seconds

    @cached_property
    def heads(self) -> list[float]:
        """The earliest start of each task: after its hard needs, and after the first to end of each any-of group."""
        graph, ends = self.graph, [0.0] * len(self.graph.ids)
        heads = [0.0] * len(ends)
        for place in graph.sequence:
            head = 0.0
            for need in graph.hard[place]:
                if ends[need] > head:
                    head = ends[need]
            for group in graph.choices[place]:
                head = max(head, min(ends[need] for need in group))
            heads[place] = head
            ends[place] = head + self.seconds[place]
        return heads

    @cached_property
    def tails(self) -> list[float]:
        """The longest path behind each task, without its own duration; every alternative counts. Urgency goes by it."""
        return self._longest_behind(self.graph.after)

    @cached_property
    def sure_tails(self) -> list[float]:
        """The longest path of hard needs behind each task: what must follow it in every schedule."""
        same = self.graph.sure_after is self.graph.after
        return self.tails if same else self._longest_behind(self.graph.sure_after)

    def _longest_behind(self, after: Sequence[Sequence[int]]) -> list[float]:
        seconds, tails = self.seconds, [0.0] * len(self.graph.ids)
        for place in reversed(self.graph.sequence):
            tail = 0.0
            for later in after[place]:
                behind = tails[later] + seconds[later]
                if behind > tail:
                    tail = behind
            tails[place] = tail
        return tails

    @cached_property
    def length(self) -> float:
        """The critical path: the end of the last task if nothing were scarce."""
        return max((head + own for head, own in zip(self.heads, self.seconds, strict=True)), default=0.0)

    @cached_property
    def slack(self) -> dict[str, float]:
        """By task, how long it can be late before the last task is, with agents for all."""
        tails = self._longest_behind(self._binding_after)
        return {
            task: max(0.0, self.length - self.heads[place] - self.seconds[place] - tails[place])
            for place, task in enumerate(self.graph.ids)
        }

    @cached_property
    def _binding_after(self) -> list[list[int]]:
        """Like `after`, but from an any-of group only the first to end holds its task up."""
        if self.graph.sure_after is self.graph.after:
            return self.graph.after
        after = [list(later) for later in self.graph.sure_after]
        for place, groups in enumerate(self.graph.choices):
            for group in groups:
                after[min(group, key=self._end)].append(place)
        return after

    def _end(self, place: int) -> float:
        return self.heads[place] + self.seconds[place]

    @cached_property
    def critical_path(self) -> tuple[str, ...]:
        """One longest chain, from a task that can start at once to the last to end."""
        if not self.graph.ids:
            return ()
        place = max(range(len(self.graph.ids)), key=self._end)
        path = [place]
        while (need := self._last_need(path[-1])) is not None:
            path.append(need)
        return tuple(self.graph.ids[place] for place in reversed(path))

    def _last_need(self, place: int) -> int | None:
        """The need that a task waits for longest; of an any-of group, the first to end."""
        firsts = [min(group, key=self._end) for group in self.graph.choices[place]]
        return max([*self.graph.hard[place], *firsts], key=self._end, default=None)
