"""Pictures of what needs what: levels, few crossings, no boxes over others, names that stay names."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import combinations, pairwise

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.schedule.jobs import Job
from plait.show.pictures.cells import cells
from plait.show.pictures.graph_svg import draw_graph
from plait.show.pictures.graph_text import graph_dot, graph_lines, graph_mermaid
from plait.show.pictures.layering import lay_out, task_spot
from plait.show.pictures.plan_graph import Node, PlanGraph, graph_from_json, graph_json
from plait.show.pictures.svg import Theme
from tests.support.forecasts import CART, HOUR, many_jobs

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"]; click t0 href "javascript:alert(1)"\n  t9["x"] %%{init: {}}%% <img src=x onerror=1> `a` #quot; \\" \\N'


def graph_of(jobs: tuple[Job, ...]) -> PlanGraph:
    return PlanGraph("cart", tuple(Node(job.id, job.role, job.seconds, job.needs) for job in jobs))


@st.composite
def any_graph(draw: st.DrawFn) -> PlanGraph:
    """Up to twelve tasks with any names, each needing some of those before it, by contracts, or as text."""
    names = draw(st.lists(st.text(min_size=1, max_size=20), max_size=12, unique=True))
    some = [
        draw(st.lists(st.lists(st.sampled_from(names[:at]), min_size=1, max_size=2), max_size=3)) if at else []
        for at in range(len(names))
    ]
    return PlanGraph(
        draw(st.text(max_size=20)),
        tuple(
            Node(
                name,
                draw(st.text(max_size=8)),
                draw(st.floats(0, 1e6)),
                tuple(map(tuple, needs)),
                draw(st.text()),
                information=tuple(draw(st.sets(st.sampled_from(names[:at]), max_size=2))) if at else (),
                contracts=tuple((group[0], draw(st.text(max_size=40))) for group in needs[:1]),
            )
            for at, (name, needs) in enumerate(zip(names, some, strict=True))
        ),
    )


def boxes_of(svg: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg.encode())  # noqa: S314 - our own text
    found = [shape.attrib for shape in root.iter(f"{SVG}rect") if shape.attrib["class"] == "node"]
    corners = [tuple(float(at[name]) for name in ("x", "y", "width", "height")) for at in found]
    return [(x, y, x + width, y + height) for x, y, width, height in corners]


@settings(max_examples=150, deadline=None)
@given(any_graph(), st.sampled_from(Theme))
def test_a_picture_of_anything_is_valid_and_no_box_lies_over_another(graph: PlanGraph, theme: Theme) -> None:
    svg = draw_graph(graph, theme=theme)
    boxes = boxes_of(svg)
    root = ElementTree.fromstring(svg.encode())  # noqa: S314 - our own text

    assert len(boxes) == len(graph.nodes)
    assert all(0 <= x <= right <= float(root.attrib["width"]) for x, _, right, _ in boxes)
    assert all(0 <= y <= bottom <= float(root.attrib["height"]) for _, y, _, bottom in boxes)
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("tasks", [6, 60, 300])
def test_each_task_stands_to_the_right_of_what_it_needs(tasks: int) -> None:
    graph = graph_of(many_jobs(tasks)).reduced()
    levels, needs = graph.levels, [(edge.source, edge.target) for edge in graph.edges]
    placed = lay_out(levels, needs, row=56, lane=18)
    level = {task: number for number, tasks_of in enumerate(placed.levels) for task in tasks_of}

    assert sorted(level) == sorted(node.id for node in graph.nodes)
    assert all(level[source] < level[target] for source, target in needs)
    for number, tasks_of in enumerate(placed.levels):
        middles = [placed.middles[task_spot(task, number)] for task in tasks_of]
        assert all(below - above >= 56 - 1e-6 for above, below in pairwise(middles))


def test_two_chains_that_were_written_crosswise_do_not_cross() -> None:
    levels = [["A", "B"], ["B2", "A2"], ["A3", "B3"]]
    needs = [("A", "A2"), ("A2", "A3"), ("B", "B2"), ("B2", "B3")]

    placed = lay_out(levels, needs, row=50, lane=10)

    for chain in (("A", "A2", "A3"), ("B", "B2", "B3")):
        assert len({placed.middles[task_spot(task, level)] for level, task in enumerate(chain)}) == 1


@given(st.integers(2, 40), st.integers(0, 1000))
def test_reduced_needs_are_the_transitive_reduction(tasks: int, seed: int) -> None:
    graph = graph_of(many_jobs(tasks, seed=seed))
    drawn = networkx.DiGraph([(edge.source, edge.target) for edge in graph.edges])

    reduced = graph.reduced()

    assert {(edge.source, edge.target) for edge in reduced.edges} == set(networkx.transitive_reduction(drawn).edges)
    assert reduced.left_out == len(graph.edges) - len(reduced.edges)


def test_the_list_names_levels_needs_and_the_critical_path_and_fits() -> None:
    lines = ["".join(piece.words for piece in line) for line in graph_lines(graph_of(CART), width=80)]

    assert lines[1] == "7 tasks · 8 needs · 3 levels"
    assert lines[2:4] == ["level 1", "  ● CART-MODEL  architect  2h"]
    assert "END-TO-END  qa         2h  ← CART-API, CART-PAGE, EVENTS, CART-TESTS" in lines[-2]
    assert lines[-1] == "● critical path, 10 h 00 min: CART-MODEL → CART-API → END-TO-END"


def test_all_tasks_without_slack_are_marked_and_not_those_of_one_path_only() -> None:
    twins = [Node("A", "qa", HOUR), Node("B", "qa", HOUR), Node("C", "qa", 60.0)]
    graph = PlanGraph("x", (*twins, Node("END", "qa", HOUR, needs=(("A",), ("B",), ("C",)))))

    assert len(graph.critical_path) == 2
    assert graph.critical == {"A", "B", "END"}


@settings(max_examples=100, deadline=None)
@given(any_graph(), st.integers(0, 150))
def test_the_list_is_never_wider_than_the_terminal(graph: PlanGraph, width: int) -> None:
    for line in graph_lines(graph, width=width):
        assert sum(cells(piece.words) for piece in line) <= max(40, width)


def hostile_graph() -> PlanGraph:
    first, second = (Node(f"{HOSTILE}{number}", HOSTILE, HOUR, title=HOSTILE) for number in (1, 2))
    return PlanGraph(HOSTILE, (first, replace(second, needs=((first.id,),), contracts=((first.id, HOSTILE),))))


def test_mermaid_keeps_hostile_names_as_names() -> None:
    lines = graph_mermaid(hostile_graph()).splitlines()

    assert lines[0] == "flowchart LR"
    for line in lines[1:3]:
        words = re.fullmatch(r'  t\d\["([^"]*)"\]:::r0', line)
        assert words, line
        assert not re.search(r'["`{}%<>\[\]\\]', words[1].replace("<br/>", ""))
    assert re.fullmatch(r'  t0 -->\|"[^"|`{}%<>\[\]\\]*"\| t1', lines[3])
    assert [line for line in lines if "click" in line] == lines[1:4]
    assert all(re.match(r"  (t\d -->|classDef |class |linkStyle )", line) for line in lines[3:])


def test_dot_keeps_hostile_names_as_names() -> None:
    text = graph_dot(hostile_graph())
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", text)

    assert '"' not in unquoted
    assert "click" not in unquoted
    assert "\\N" not in text.replace("\\\\N", "")
    assert unquoted.count("->") == 1
    assert unquoted.strip().endswith("}")


def test_alternatives_are_dashed_everywhere() -> None:
    graph = PlanGraph("x", (Node("A", "qa", HOUR), Node("B", "qa", HOUR), Node("C", "qa", HOUR, needs=(("A", "B"),))))

    assert draw_graph(graph).count(" choice") == 3, "two needs and the legend"
    assert graph_mermaid(graph).count('-.->|"or"|') == 2
    assert graph_dot(graph).count("dashed") == 2
    assert any("A or B" in "".join(piece.words for piece in line) for line in graph_lines(graph, width=80))


def test_a_graph_comes_back_from_its_file() -> None:
    graph = graph_of(CART)

    assert graph_from_json(graph_json(graph)) == graph
    with pytest.raises(ValueError, match=r"PlanGraph|JSON"):
        graph_from_json("{}")


def test_a_plan_without_tasks_has_a_picture_too() -> None:
    assert boxes_of(draw_graph(PlanGraph("empty", ()))) == []
    assert graph_lines(PlanGraph("empty", ()), width=80)
