"""A plan's needs as text: a list for a terminal, Mermaid for Markdown pages, DOT for Graphviz, JSON for programs."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from plait.plans.wording import count, one_line, spell_seconds
from plait.show.pictures.cells import Line, Piece, cells, cut, cut_inside, filled
from plait.show.pictures.colours import colours_of, ink_on
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph, steps_of


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
    figures = [count(len(graph.nodes), "task"), count(len(graph.edges), "need"), count(len(graph.levels), "level")]
    if graph.left_out:
        figures.append(f"{count(graph.left_out, 'need')} that others imply not shown")
    return " · ".join(figures)


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


def graph_mermaid(graph: PlanGraph) -> str:
    """A flowchart that GitHub draws in a fence named `mermaid`; whatever the names are, they stay names."""
    numbers = {node.id: f"t{at}" for at, node in enumerate(graph.nodes)}
    colours = colours_of(node.role for node in graph.nodes)
    roles = {role: f"r{at}" for at, role in enumerate(colours)}
    critical, steps = graph.critical, steps_of(graph.critical_path)
    lines = ["flowchart LR"]
    for node in graph.nodes:
        words = "<br/>".join(map(_mermaid, filter(None, [node.id, node.title, _detail(node)])))
        lines.append(f'  {numbers[node.id]}["{words}"]:::{roles[node.role]}')
    looks: dict[str, list[str]] = {}
    for at, edge in enumerate(graph.edges):
        label = f'|"{_mermaid(_label(edge))}"|' if _label(edge) else ""
        arrow = "-.->" if edge.kind in (EdgeKind.CHOICE, EdgeKind.INFORMATION) else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow}{label} {numbers[edge.target]}")
        width = ["stroke-width:3px"] if (edge.source, edge.target) in steps else []
        if look := [*width, *(["stroke-dasharray:8 4"] if edge.kind is EdgeKind.CONTRACT else [])]:
            looks.setdefault(",".join(look), []).append(str(at))
    for role, name in roles.items():
        lines.append(f"  classDef {name} fill:{colours[role]},color:{ink_on(colours[role])},stroke:#57606a")
    if critical:
        lines.append("  classDef critical stroke-width:4px")
        lines.append(f"  class {','.join(numbers[node.id] for node in graph.nodes if node.id in critical)} critical")
    lines += [f"  linkStyle {','.join(places)} {look}" for look, places in looks.items()]
    return "\n".join(lines) + "\n"


def graph_dot(graph: PlanGraph) -> str:
    """A digraph for Graphviz; whatever the names are, they stay names."""
    numbers = {node.id: f"t{at}" for at, node in enumerate(graph.nodes)}
    colours = colours_of(node.role for node in graph.nodes)
    critical, steps = graph.critical, steps_of(graph.critical_path)
    lines = ["digraph plan {", "  rankdir=LR", f"  label={_dot(graph.title)}", "  labelloc=t"]
    lines.append('  node [shape=box, style="rounded,filled", fontname="sans-serif"]')
    for node in graph.nodes:
        words = "\\n".join(_dot(part)[1:-1] for part in filter(None, [node.id, node.title, _detail(node)]))
        fill, width = colours[node.role], ", penwidth=3" if node.id in critical else ""
        lines.append(f'  {numbers[node.id]} [label="{words}", fillcolor="{fill}", fontcolor="{ink_on(fill)}"{width}]')
    for edge in graph.edges:
        looks = [*_DOT_LOOKS[edge.kind], *([f"label={_dot(_label(edge))}"] if _label(edge) else [])]
        looks += ["penwidth=2.5"] if (edge.source, edge.target) in steps else []
        look = f" [{', '.join(looks)}]" if looks else ""
        lines.append(f"  {numbers[edge.source]} -> {numbers[edge.target]}{look}")
    return "\n".join([*lines, "}"]) + "\n"


def graph_data(graph: PlanGraph) -> str:
    """A JSON object: its tasks in the order of the plan, each with the alternatives of every need; times in hours.

    `contracts` says which of the needs are on contracts; `information` names those whose text it waits for.
    """
    critical, levels = graph.critical, {task: at for at, level in enumerate(graph.levels, 1) for task in level}
    tasks = [
        {
            "id": node.id,
            "role": node.role,
            "title": node.title or None,
            "state": node.state or None,
            "hours": round(node.seconds / 3600, 6) if math.isfinite(node.seconds) else None,
            "needs": [list(group) for group in node.needs],
            "information": list(node.information),
            "contracts": [{"contract": name, "task": edge.source} for edge in node.edges for name in edge.contracts],
            "level": levels[node.id],
            "critical": node.id in critical,
        }
        for node in graph.nodes
    ]
    return json.dumps({"feature": graph.title, "critical_path": graph.critical_path, "tasks": tasks}, indent=2) + "\n"


_DOT_LOOKS: Mapping[EdgeKind, tuple[str, ...]] = {
    EdgeKind.HARD: (),
    EdgeKind.CHOICE: ("style=dashed", "arrowhead=onormal"),
    EdgeKind.CONTRACT: ("style=dashed",),
    EdgeKind.INFORMATION: ("style=dotted",),
}


def _label(edge: Edge) -> str:
    """What a need is on; nothing where it is on a task's commits."""
    if edge.kind is EdgeKind.CONTRACT:
        return ", ".join(edge.contracts)
    return {EdgeKind.HARD: "", EdgeKind.CHOICE: "or", EdgeKind.INFORMATION: "information"}[edge.kind]


def _detail(node: Node) -> str:
    return " · ".join(filter(None, [node.role, node.spelled, node.state]))


def _mermaid(words: str) -> str:
    """Everything but letters, digits and harmless signs as the number that Mermaid turns back (`#34;`)."""
    line = one_line(words, 120)
    return "".join(sign if sign.isalnum() or sign in " _-.,:/·" else f"#{ord(sign)};" for sign in line)


def _dot(words: str) -> str:
    """A quoted string: no escape of DOT's own, no entity."""
    line = one_line(words, 120).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{line.replace("&", "&amp;")}"'
