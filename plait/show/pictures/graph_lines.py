"""A plan's needs as a list by level, in the cells of a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from plait.plans.phrasing import count, one_line, spell_seconds
from plait.show.pictures.cells import Line, Piece, cells, cut, cut_inside, filled
from plait.show.pictures.colours import colours_of
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph


def graph_lines(graph: PlanGraph, *, width: int) -> list[Line]:
    """Tasks by level with what they need, in lines of at most `width` columns; needs that do not fit go below.

    Raises:
        CallError: a circle of needs, or a need on a task that is not there.
    """
    width = max(40, width)
    path, critical, nodes = graph.critical_path, graph.critical, {node.id: node for node in graph.nodes}
    colours = colours_of(node.role for node in graph.nodes)
    columns = _widths(graph.nodes, width)
    lines: list[Line] = [(Piece(cut(one_line(graph.title, 200), width), bold=True),)]
    lines.append((Piece(cut(_said(graph), width), dim=True),))
    for number, level in enumerate(graph.levels, start=1):
        lines.append((Piece(f"level {number}", bold=True),))
        for task in level:
            lines += _task(nodes[task], columns, width, colours[nodes[task].role], critical=task in critical)
    if path:
        seconds = sum(nodes[task].seconds for task in path)
        lines += _wrapped(f"● critical path, {spell_seconds(seconds)}: ", " → ".join(map(one_line, path)), width)
    return lines


def _said(graph: PlanGraph) -> str:
    said = [count(len(graph.nodes), "task"), count(len(graph.edges), "need"), count(len(graph.levels), "level")]
    if graph.left_out:
        said.append(f"{count(graph.left_out, 'need')} that others imply not shown")
    return " · ".join(said)


def _widths(nodes: Sequence[Node], width: int) -> tuple[int, int, int]:
    """Columns of names, roles and times."""
    names = max((cells(node.name) for node in nodes), default=0)
    roles = max((cells(one_line(node.role, 40)) for node in nodes), default=0)
    times = max((cells(node.spelled) for node in nodes), default=0)
    return min(names, int(width * 0.3)), min(roles, int(width * 0.15)), min(times, 12)


def _task(node: Node, columns: tuple[int, int, int], width: int, colour: str, *, critical: bool) -> Iterable[Line]:
    names, roles, times = columns
    start = (
        Piece("  ● " if critical else "    ", bold=critical),
        Piece(filled(cut_inside(node.name, names), names), bold=critical),
        Piece("  " + filled(one_line(node.role, 40), roles), colour=colour),
        Piece("  " + filled(node.spelled, times), dim=True),
    )
    needs = ", ".join(_needs(node))
    state = f"  {one_line(node.state, 20)}" if node.state else ""
    room = width - 4 - names - 2 - roles - 2 - times - cells(state)
    rest = f"  ← {needs}" if needs else ""
    if cells(rest) <= room:
        yield (*start, Piece(state), Piece(rest, dim=True))
    else:
        yield (*start, Piece(cut(state, room + cells(state))))
        yield from _wrapped("      ← ", needs, width, dim=True)


def _needs(node: Node) -> Iterator[str]:
    """Each need in words, with what it is on where that is no task's commits."""
    sure = {edge.source: edge for edge in node.edges if edge.kind is not EdgeKind.CHOICE}
    for group in node.needs:
        yield _need(sure[group[0]]) if len(set(group)) == 1 else " or ".join(map(one_line, group))
    yield from (_need(edge) for edge in sure.values() if edge.kind is EdgeKind.INFORMATION)


def _need(edge: Edge) -> str:
    named = one_line(edge.source)
    if edge.kind is EdgeKind.CONTRACT:
        return f"{named} (contract {', '.join(map(one_line, edge.contracts))})"
    return f"{named} (information)" if edge.kind is EdgeKind.INFORMATION else named


def _wrapped(first: str, words: str, width: int, *, dim: bool = False) -> Iterable[Line]:
    """Words in lines that fit, the later ones set in."""
    line, indent = first, " " * 8
    for word in words.split(" "):
        if line != indent and cells(line) + cells(word) > width:
            yield (Piece(line.rstrip(), dim=dim),)
            line = indent
        line += cut(word, width - len(indent)) + " "
    yield (Piece(cut(line.rstrip(), width), dim=dim),)
