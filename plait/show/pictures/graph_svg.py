"""A plan's needs as a picture: levels as columns, roles as colours, the critical path bold; a standalone SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from plait.plans.phrasing import count, one_line, spell_seconds
from plait.show.pictures.colours import colours_of
from plait.show.pictures.edge_labels import draw_labels, label_of, room_for_labels
from plait.show.pictures.frame import MARGIN
from plait.show.pictures.layering import Layering, lay_out, task_spot
from plait.show.pictures.legend import draw_legend, role_entries
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph, steps_of
from plait.show.pictures.svg import (
    Theme,
    arrow_head,
    curves,
    drawing,
    rect,
    shortened,
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
    between = max(_BETWEEN, room_for_labels(edges, placed.ways))
    width = _width(placed, len(graph.nodes) - len(linked), box, between)
    legend, top = draw_legend(_entries(graph), colours, left=MARGIN, top=56, right=width - MARGIN)
    free = [node.id for node in graph.nodes if node.id not in linked]
    page = _page(placed, free, box=box, between=between, width=width, top=top + 16)
    heading, critical = one_line(graph.title, 200), graph.critical
    shapes = [
        text(MARGIN, 27, shortened(heading, 16.2, width - 2 * MARGIN), size=15, look="ink strong"),
        text(MARGIN, 46, shortened(_said(graph, path), 12, width - 2 * MARGIN), size=12, look="soft"),
        *legend,
        *_draw_edges(edges, placed, page, top=top + 16, bold=steps_of(path)),
        *(_draw_node(node, page, colours[node.role], bold=node.id in critical) for node in graph.nodes),
    ]
    return drawing(shapes, width=width, height=math.ceil(page.bottom), label=heading or "Graph", theme=theme)


def _said(graph: PlanGraph, path: Sequence[str]) -> str:
    seconds = {node.id: node.seconds for node in graph.nodes}
    said = [count(len(graph.nodes), "task"), count(len(graph.edges), "need")]
    if graph.left_out:
        said.append(f"{graph.left_out} more that others imply")
    if path:
        said.append(f"critical path of {len(path)} takes {spell_seconds(sum(seconds[task] for task in path))}")
    return " · ".join(said)


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
        yield "".join(shapes) if edge.kind is EdgeKind.HARD else told(shapes, label_of(edge))
    yield from draw_labels((edge, lines[edge.source, edge.target]) for edge in edges)


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
        text(x + 18, y + 33, shortened(_about(node), 11, inside), size=11, look="ink"),
    ]
    words = [node.id, node.title, node.role, node.state, time]
    return told(shapes, one_line(" · ".join(filter(None, words))))


def _about(node: Node) -> str:
    """What has come of it, and what it is about."""
    return one_line(" · ".join(filter(None, [node.state, node.title or node.role])), 80)
