"""Which tasks may be at work beside each other: those of which neither surely starts from the other's work."""

from functools import cached_property

from plait.plans.schedule.graph import Graph


class Order:
    """The tasks of a graph by turn, and sets of them as integers: bit `t` stands for the task of turn `t`.

    A task comes surely after all that its hard needs come after, and after what all choices of an any-of group come
    after; not after the choices themselves, of which it waits for the first only.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.ids = tuple(graph.ids[place] for place in graph.sequence)
        self.turn = {task: turn for turn, task in enumerate(self.ids)}

    @cached_property
    def before(self) -> list[int]:
        """By turn, the set of tasks that have surely ended before it starts."""
        graph, before = self._graph, [0] * len(self.ids)
        turn_of = [self.turn[task] for task in graph.ids]
        for turn, place in enumerate(graph.sequence):
            sure = 0
            for need in graph.hard[place]:
                sure |= before[turn_of[need]] | 1 << turn_of[need]
            for group in graph.choices[place]:
                certain = -1
                for need in group:
                    certain &= before[turn_of[need]] | 1 << turn_of[need]
                sure |= certain
            before[turn] = sure
        return before

    @cached_property
    def perhaps_before(self) -> list[int]:
        """By turn, the set of tasks that it waits for if the choices go that way."""
        graph, before = self._graph, [0] * len(self.ids)
        turn_of = [self.turn[task] for task in graph.ids]
        for turn, place in enumerate(graph.sequence):
            for need in (*graph.hard[place], *(need for group in graph.choices[place] for need in group)):
                before[turn] |= before[turn_of[need]] | 1 << turn_of[need]
        return before

    def beside(self, turn: int, among: int) -> int:
        """Those of a set that have an earlier turn than this task and may still work when it starts."""
        return among & ((1 << turn) - 1) & ~self.before[turn]

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first has surely ended before the second starts."""
        return bool(self.before[self.turn[second]] >> self.turn[first] & 1)

    def may_be_before(self, first: str, second: str) -> bool:
        """Whether the second waits for the first, surely or as a choice: the first can then not wait for the second."""
        return bool(self.perhaps_before[self.turn[second]] >> self.turn[first] & 1)

    def some(self, tasks: int, most: int) -> list[str]:
        """The first few of a set, in the order of their turns."""
        found: list[str] = []
        while tasks and len(found) < most:
            lowest = tasks & -tasks
            found.append(self.ids[lowest.bit_length() - 1])
            tasks ^= lowest
        return found
