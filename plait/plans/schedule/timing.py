"""When tasks could start if nothing were scarce: heads, tails, slack and critical path of a graph with durations."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol


class Ordered(Protocol):
    """What timing needs of a graph; see `plait.plans.schedule.graph.Graph`."""

    ids: tuple[str, ...]
    hard: list[tuple[int, ...]]
    choices: list[tuple[tuple[int, ...], ...]]
    before: list[tuple[int, ...]]
    after: list[list[int]]
    sure_after: list[list[int]]

    @property
    def sequence(self) -> list[int]: ...


class Timing:
    """A graph with a duration in seconds for each task; all lists are by place in the plan, all figures seconds."""

    def __init__(self, graph: Ordered, seconds: Sequence[float]) -> None:
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
