"""A plan as a graph to be drawn: its tasks, what each needs, and which of it is critical."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from pydantic import TypeAdapter

from plait.plans.language.durations import format_duration
from plait.plans.schedule.need_graph import Graph, Needs, Timing
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import one_line

GRAPH_FILE = "graph.json"
"""Its name in the folder of a run."""
_HAIR = 1e-6
"""Seconds below which slack is what sums of floats leave over."""
_LONGEST = 1e13
"""Seconds (300,000 years): no plan is as long, beyond it there is only what was damaged."""


@dataclass(frozen=True, slots=True)
class Node:
    """One task."""

    id: str
    role: str
    seconds: float
    """How long it is thought to take."""
    needs: Needs = ()
    title: str = ""
    state: str = ""
    """What has come of it; nothing before a run."""
    information: tuple[str, ...] = ()
    """The tasks whose text it gets."""
    contracts: tuple[tuple[str, str], ...] = ()
    """Of its needs, those that are on contracts: the task that writes each, and the contract's name."""

    @property
    def edges(self) -> "tuple[Edge, ...]":
        """One for each need, those of any-of groups as choices."""
        hard, told = {group[0] for group in self.needs if len(set(group)) == 1}, dict.fromkeys(self.information)
        return (
            *(self._edge(need, group) for group in self.needs for need in dict.fromkeys(group)),
            *(Edge(need, self.id, EdgeKind.INFORMATION) for need in told if need not in hard),
        )

    def _edge(self, need: str, group: tuple[str, ...]) -> "Edge":
        if len(set(group)) > 1:
            return Edge(need, self.id, EdgeKind.CHOICE)
        contracts = tuple(contract for owner, contract in self.contracts if owner == need)
        return Edge(need, self.id, EdgeKind.CONTRACT if contracts else EdgeKind.HARD, contracts)

    @property
    def waits_for(self) -> Needs:
        """What the forecast waits for, too: its needs, and the text of others."""
        return tuple(dict.fromkeys((*self.needs, *((source,) for source in self.information))))

    @property
    def name(self) -> str:
        return one_line(self.id, 60)

    @property
    def spelled(self) -> str:
        """How long it is thought to take, in words: to the minute from an hour on."""
        if not 0 <= self.seconds < _LONGEST:
            return "?"
        step = 60 if self.seconds >= 3600 else 1 if self.seconds >= 60 else 0.1
        return format_duration(round(self.seconds / step) * step)


class EdgeKind(StrEnum):
    """What a need is on."""

    HARD = "hard"
    CHOICE = "choice"
    """Another task would do as well."""
    CONTRACT = "contract"
    INFORMATION = "information"
    """Text, and no commits."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` needs `source`."""

    source: str
    target: str
    kind: EdgeKind = EdgeKind.HARD
    contracts: tuple[str, ...] = ()
    """The contracts that it is about."""


@dataclass(frozen=True, slots=True)
class PlanGraph:
    """All tasks in the order of the plan."""

    title: str
    nodes: tuple[Node, ...]
    left_out: int = 0
    """Needs that are not shown because others imply them."""

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each need, in the order of the tasks."""
        return tuple(edge for node in self.nodes for edge in node.edges)

    @property
    def graph(self) -> Graph:
        """Raises `CallError` for a circle, or a need on a task that is not there."""
        return Graph({node.id: node.waits_for for node in self.nodes})

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Tasks by level: each stands behind all that it needs, alternatives too. Raises as `graph` does."""
        graph = self.graph
        level = [0] * len(graph.ids)
        for place in graph.sequence:
            level[place] = max((level[need] + 1 for need in graph.before[place]), default=0)
        levels: list[list[str]] = [[] for _ in range(max(level, default=-1) + 1)]
        for task, number in zip(graph.ids, level, strict=True):
            levels[number].append(task)
        return tuple(map(tuple, levels))

    @property
    def critical_path(self) -> tuple[str, ...]:
        return self._timing.critical_path

    @property
    def critical(self) -> frozenset[str]:
        """The tasks without slack: those of the critical path, and of others as long."""
        slack = self._timing.slack
        return frozenset([*self.critical_path, *(task for task in slack if slack[task] < _HAIR)])

    @property
    def _timing(self) -> Timing:
        return self.graph.timed({node.id: node.seconds for node in self.nodes})

    def reduced(self) -> "PlanGraph":
        """Without the needs that others imply, which say nothing about the order.

        Information stays, and implies nothing: it brings text, and no commits.
        """
        implied = Graph({node.id: node.needs for node in self.nodes}).redundant()
        nodes = tuple(
            replace(node, needs=tuple(group for group in node.needs if group not in implied.get(node.id, ())))
            for node in self.nodes
        )
        return replace(self, nodes=nodes, left_out=len(self.edges) - sum(len(node.edges) for node in nodes))

    def with_states(self, states: Mapping[str, str]) -> "PlanGraph":
        """With what has come of the tasks."""
        return replace(self, nodes=tuple(replace(node, state=states.get(node.id, "")) for node in self.nodes))


def plan_graph(title: str, tasks: Iterable[PlannedTask]) -> PlanGraph:
    """The graph of expanded tasks; needs on tasks that are not among them are left out."""
    chosen = tuple(tasks)
    known = {task.id for task in chosen}
    writers = {contract: task.id for task in chosen for contract in task.writes}
    return PlanGraph(
        title=title,
        nodes=tuple(
            Node(
                id=task.id,
                role=task.role,
                seconds=task.seconds,
                needs=_inside(task.needs, known),
                title=task.task.title or "",
                information=tuple(source for source in task.information if source in known),
                contracts=tuple(_contracts(task, writers)),
            )
            for task in chosen
        ),
    )


def _inside(needs: Needs, known: set[str]) -> Needs:
    groups = (tuple(need for need in group if need in known) for group in needs)
    return tuple(group for group in groups if group)


def _contracts(task: PlannedTask, writers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A hard need on the task that writes a contract says more than the contract does."""
    hard = {need.task for need in task.task.needs if need.kind == "hard"}
    for contract in task.contracts:
        if contract in writers and writers[contract] not in hard:
            yield writers[contract], contract


def steps_of(path: Sequence[str]) -> frozenset[tuple[str, str]]:
    """The pairs of neighbours on a path."""
    return frozenset(itertools.pairwise(path))


def graph_json(graph: PlanGraph) -> str:
    """One line."""
    return _adapter().dump_json(graph).decode("utf-8")


def graph_from_json(text: str) -> PlanGraph:
    """The graph again.

    Raises:
        ValueError: it is none.
    """
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[PlanGraph]:
    return TypeAdapter(PlanGraph)
