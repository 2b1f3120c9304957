"""A plan's needs in the languages of graphs: Mermaid for Markdown pages, DOT for Graphviz, JSON for programs."""

import json
import math
from collections.abc import Mapping

from plait.plans.phrasing import one_line
from plait.show.pictures.colours import colours_of, ink_on
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph, steps_of


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
        said = f'|"{_mermaid(_label(edge))}"|' if _label(edge) else ""
        arrow = "-.->" if edge.kind in (EdgeKind.CHOICE, EdgeKind.INFORMATION) else "-->"
        lines.append(f"  {numbers[edge.source]} {arrow}{said} {numbers[edge.target]}")
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
