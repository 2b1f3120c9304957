"""A plan's needs as a picture: levels as columns, roles as colours, the critical path bold; a standalone SVG."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from plait.plans.wording import count, one_line, spell_seconds
from plait.show.pictures.colours import colours_of
from plait.show.pictures.layering import Layering, Spot, lay_out, task_spot
from plait.show.pictures.legend import draw_legend, role_entries
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph, steps_of
from plait.show.pictures.svg import (
    MARGIN,
    Theme,
    arrow_head,
    curves,
    cut_to_room,
    drawing,
    rect,
    shortened_inside,
    text,
    text_width,
    told,
)

_HEIGHT = 42.0
"""Of a box."""
_ROW = 56.0
_LANE = 18.0
"""Pixels of height for a need that passes a level."""
_BETWEEN = 64.0
"""Pixels between two levels, where no contract's name needs more."""
_WIDEST = 210.0
_ABREAST = 4
"""Tasks without needs stand in at least so many columns."""
_TIP = 7.0

_LABEL_SIZE = 10.5
_LABEL_HEIGHT = 14.0
_ASIDE = 15.0
"""Pixels of its line that are to be seen on each side of a name."""
_WIDEST_LABEL = 150.0
_LEAST_ROOM = 24.0
"""Pixels in which a name still says something."""
_MANY = 12
"""Lines that would hide each other under their names."""

_Box = tuple[float, float, float, float]
_Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Page:
    """Where boxes stand; upper left corners."""

    corners: Mapping[str, tuple[float, float]]
    box: float
    """Width of a box."""
    between: float
    """Pixels from the boxes of one level to those of the next."""
    width: float
    bottom: float

    def left(self, level: int) -> float:
        return _left(level, self.box, self.between)


def draw_graph(graph: PlanGraph, *, theme: Theme = Theme.AUTO) -> str:
    """A standalone SVG as wide as the plan has levels, valid XML whatever the names are.

    Raises:
        CallError: a circle of needs, or a need on a task that is not there.
    """
    path, edges = graph.critical_path, graph.edges
    linked = {end for edge in edges for end in (edge.source, edge.target)}
    levels = [[task for task in level if task in linked] for level in graph.levels]
    needs = dict.fromkeys((edge.source, edge.target) for edge in edges)
    placed = lay_out([level for level in levels if level], needs, row=_ROW, lane=_LANE)
    colours, box = colours_of(node.role for node in graph.nodes), _box_width(graph.nodes)
    between = max(_BETWEEN, _room_for_labels(edges, placed.ways))
    width = _width(placed, len(graph.nodes) - len(linked), box, between)
    legend, top = draw_legend(_entries(graph), colours, left=MARGIN, top=56, right=width - MARGIN)
    free = [node.id for node in graph.nodes if node.id not in linked]
    page = _page(placed, free, box=box, between=between, width=width, top=top + 16)
    heading, critical = one_line(graph.title, 200), graph.critical
    shapes = [
        text(MARGIN, 27, cut_to_room(heading, 16.2, width - 2 * MARGIN), size=15, look="ink strong"),
        text(MARGIN, 46, cut_to_room(_figures(graph, path), 12, width - 2 * MARGIN), size=12, look="soft"),
        *legend,
        *_draw_edges(edges, placed, page, top=top + 16, bold=steps_of(path)),
        *(_draw_node(node, page, colours[node.role], bold=node.id in critical) for node in graph.nodes),
    ]
    return drawing(shapes, width=width, height=math.ceil(page.bottom), label=heading or "Graph", theme=theme)


def _figures(graph: PlanGraph, path: Sequence[str]) -> str:
    seconds = {node.id: node.seconds for node in graph.nodes}
    figures = [count(len(graph.nodes), "task"), count(len(graph.edges), "need")]
    if graph.left_out:
        figures.append(f"{graph.left_out} more that others imply")
    if path:
        figures.append(f"critical path of {len(path)} takes {spell_seconds(sum(seconds[task] for task in path))}")
    return " · ".join(figures)


def _entries(graph: PlanGraph) -> Iterable[tuple[str, str]]:
    yield from role_entries(dict.fromkeys(node.role for node in graph.nodes))
    if graph.nodes:
        yield "critical", "critical path"
    kinds = {edge.kind for edge in graph.edges}
    yield from ((kind.value, words) for kind, words in _KINDS.items() if kind in kinds)


_KINDS = {
    EdgeKind.CHOICE: "one of several will do",
    EdgeKind.CONTRACT: "needs the contract",
    EdgeKind.INFORMATION: "needs its text only",
}


def _box_width(nodes: Sequence[Node]) -> float:
    first = (text_width(node.name, 13) + text_width(node.spelled, 11) + 36 for node in nodes)
    second = (text_width(_about(node), 11) + 28 for node in nodes)
    return min(_WIDEST, max([120.0, *first, *second]))


def _width(placed: Layering, free: int, box: float, between: float) -> float:
    columns = max(len(placed.levels), min(free, _ABREAST), 1)
    return max(420.0, 2 * MARGIN + columns * box + (columns - 1) * between)


def _page(placed: Layering, free: Sequence[str], *, box: float, between: float, width: float, top: float) -> _Page:
    corners = {
        task: (_left(level, box, between), top + placed.middles[task_spot(task, level)] - _HEIGHT / 2)
        for level, tasks in enumerate(placed.levels)
        for task in tasks
    }
    bottom = top + (placed.height + (_LANE if free else 0) if placed.levels else 0)
    abreast = max(1, int((width - 2 * MARGIN + between) // (box + between)))
    for at, task in enumerate(free):
        corners[task] = (_left(at % abreast, box, between), bottom + _ROW * (at // abreast))
    return _Page(corners, box, between, width, bottom + _ROW * math.ceil(len(free) / abreast) + 4)


def _left(level: int, box: float, between: float) -> float:
    return MARGIN + level * (box + between)


def _draw_edges(
    edges: Sequence[Edge], placed: Layering, page: _Page, *, top: float, bold: frozenset[tuple[str, str]]
) -> Iterable[str]:
    """Thin ones first, so that the critical path lies over them; the names of contracts over all."""
    lines = {(edge.source, edge.target): tuple(_points(edge, placed, page, top)) for edge in edges}
    for edge in sorted(edges, key=lambda edge: (edge.source, edge.target) in bold):
        sure, points = (edge.source, edge.target) in bold, lines[edge.source, edge.target]
        x, y = points[-1]
        look = ("sure" if sure else "need") + ("" if edge.kind is EdgeKind.HARD else f" {edge.kind}")
        shapes = [
            curves([*points[:-1], (x - _TIP + 1, y)], look=look),
            arrow_head(x, y, look="ink" if sure else "tip"),
        ]
        yield "".join(shapes) if edge.kind is EdgeKind.HARD else told(shapes, _label_of(edge))
    yield from _draw_labels((edge, lines[edge.source, edge.target]) for edge in edges)


def _points(edge: Edge, placed: Layering, page: _Page, top: float) -> Iterable[tuple[float, float]]:
    """From the right of its source's box to the left of its target's, level through those that it passes."""
    ways = placed.ways[edge.source, edge.target]
    for at, (source, target, level) in enumerate(ways):
        left, y = page.left(level), top + placed.middles[source, target, level]
        if at:
            yield left, y
        if at < len(ways) - 1:
            yield left + page.box, y


def _draw_node(node: Node, page: _Page, colour: str, *, bold: bool) -> str:
    x, y = page.corners[node.id]
    inside, time = page.box - 28, node.spelled
    name = shortened_inside(node.name, 13, inside - text_width(time, 11) - 7.5)
    shapes = [
        rect(x, y, page.box, _HEIGHT, look="node", round_by=5),
        rect(x, y, page.box, _HEIGHT, look="plan", fill=colour, round_by=5),
        *([rect(x, y, page.box, _HEIGHT, look="firm none", round_by=5)] if bold else []),
        rect(x + 6, y + 7, 5, _HEIGHT - 14, look="edge", fill=colour, round_by=2),
        text(x + 18, y + 18, name, size=12, look="ink strong" if bold else "ink"),
        text(x + page.box - 9, y + 18, time, size=11, look="ink", anchor="end"),
        text(x + 18, y + 33, cut_to_room(_about(node), 11, inside), size=11, look="ink"),
    ]
    words = [node.id, node.title, node.role, node.state, time]
    return told(shapes, one_line(" · ".join(filter(None, words))))


def _about(node: Node) -> str:
    """What has come of it, and what it is about."""
    return one_line(" · ".join(filter(None, [node.state, node.title or node.role])), 80)


def _label_of(edge: Edge) -> str:
    """What a need that is not on commits alone is on, in a line."""
    words = {
        EdgeKind.HARD: "after",
        EdgeKind.CHOICE: "after this one or another",
        EdgeKind.CONTRACT: f"by the contract {', '.join(edge.contracts)}",
        EdgeKind.INFORMATION: "with the text of",
    }
    return one_line(f"{edge.target}: {words[edge.kind]} · {edge.source}", 200)


def _room_for_labels(edges: Iterable[Edge], ways: Mapping[tuple[str, str], Sequence[Spot]]) -> float:
    """Pixels between two levels that the names of contracts need, of those that pass no level; at most 150."""
    widths = (
        text_width(_name(edge), _LABEL_SIZE) + 2 * _ASIDE
        for edge in edges
        if edge.contracts and len(ways[edge.source, edge.target]) == 2
    )
    return min(_WIDEST_LABEL, max(widths, default=0.0))


def _draw_labels(lines: Iterable[tuple[Edge, _Points]]) -> Iterator[str]:
    """The name of each contract on its line (from the source's box to the target's), if there is a free place.

    Where there are many such lines, on one of those that leave a task for the same contract.
    """
    agreed = [(edge, points) for edge, points in lines if edge.contracts]
    taken: list[_Box] = []
    named = set[tuple[str, tuple[str, ...]]]()
    for edge, points in agreed:
        again = len(agreed) > _MANY and (edge.source, edge.contracts) in named
        for (x, y), room in () if again else _places(points):
            words = shortened_inside(_name(edge), _LABEL_SIZE, room)
            half = text_width(words, _LABEL_SIZE) / 2 + 1
            box = (x - half, y - _LABEL_HEIGHT / 2, x + half, y + _LABEL_HEIGHT / 2)
            if room >= _LEAST_ROOM and words and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                named.add((edge.source, edge.contracts))
                yield rect(box[0], box[1], 2 * half, _LABEL_HEIGHT, look="page")
                yield text(x, y + 3.6, words, size=_LABEL_SIZE, look="soft", anchor="middle")
                break


def _name(edge: Edge) -> str:
    return one_line(", ".join(edge.contracts), 60)


def _places(points: _Points) -> list[tuple[tuple[float, float], float]]:
    """The middle of each piece of a line, and the pixels of width that it has for a name; most room first."""
    pieces = [(((x1 + x2) / 2, (y1 + y2) / 2), x2 - x1 - 2 * _ASIDE) for (x1, y1), (x2, y2) in pairwise(points)]
    return sorted(pieces, key=lambda piece: -piece[1])


def _overlap(box: _Box, other: _Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
