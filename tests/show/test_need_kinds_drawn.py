"""Needs on contracts and for information are in every picture of a plan, told apart, and count as in a forecast."""

import json
import re
from itertools import pairwise

from plait.advice.simulation import simulate
from plait.plans.language.crew import DEFAULT_CREW
from plait.plans.language.parsing import parse_plan
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.expansion import Expansion, expand
from plait.show.pictures.graph_svg import draw_graph
from plait.show.pictures.graph_text import graph_data, graph_dot, graph_lines, graph_mermaid
from plait.show.pictures.plan_graph import Edge, EdgeKind, Node, PlanGraph, graph_from_json, plan_graph
from tests.support.forecasts import HOUR

PLAN = """
feature: f
contracts: [{id: api, owner: A, files: [api.yaml]}]
tasks:
  - {id: A, run: a, duration: 2h}
  - {id: B, run: b, duration: 1h, needs: [{contract: api}]}
  - {id: C, run: c, duration: 4h, needs: [{task: A, kind: information}, {task: B, kind: none}]}
  - {id: D, run: d, duration: 1h, needs: [B, {contract: api}, {task: C, kind: information}, {any: [A, B]}]}
"""


def expansion() -> Expansion:
    return expand(parse_plan(PLAN), DEFAULT_CREW)


def graph() -> PlanGraph:
    return plan_graph("f", expansion().tasks)


def test_each_need_is_an_edge_of_its_kind() -> None:
    assert graph().edges == (
        Edge("A", "B", EdgeKind.CONTRACT, ("api",)),
        Edge("A", "C", EdgeKind.INFORMATION),
        Edge("B", "D"),
        Edge("A", "D", EdgeKind.CONTRACT, ("api",)),
        Edge("A", "D", EdgeKind.CHOICE),
        Edge("B", "D", EdgeKind.CHOICE),
        Edge("C", "D", EdgeKind.INFORMATION),
    )


def test_levels_and_critical_path_count_information_as_the_forecast_does() -> None:
    jobs = [Job(task.id, task.role, task.seconds, task.waits_for) for task in expansion().tasks]
    times = simulate(Dispatcher(jobs, slots={"command": 9}), {})
    drawn = graph()

    assert drawn.levels == (("A",), ("B", "C"), ("D",))
    assert drawn.critical_path == ("A", "C", "D")
    heads = drawn.graph.timed({node.id: node.seconds for node in drawn.nodes}).heads
    assert dict(zip("ABCD", heads, strict=True)) == {task: start for task, (start, _) in times.items()}


def test_information_is_shown_although_other_needs_imply_the_order() -> None:
    tasks = (Node("A", "qa", HOUR), Node("B", "qa", HOUR, needs=(("A",),)))
    drawn = PlanGraph("x", (*tasks, Node("C", "qa", HOUR, needs=(("A",), ("B",)), information=("A", "B"))))

    assert drawn.reduced().edges == (Edge("A", "B"), Edge("B", "C"), Edge("A", "C", EdgeKind.INFORMATION))


def test_information_brings_no_commits_and_implies_no_need_for_them() -> None:
    tasks = (Node("A", "qa", HOUR), Node("B", "qa", HOUR, information=("A",)))
    drawn = PlanGraph("x", (*tasks, Node("C", "qa", HOUR, needs=(("A",), ("B",)))))

    assert drawn.reduced() == drawn


def test_a_hard_need_on_the_contracts_writer_is_a_hard_need() -> None:
    tasks = expand(parse_plan(PLAN.replace("needs: [{contract: api}]", "needs: [A, {contract: api}]")), DEFAULT_CREW)

    assert plan_graph("f", tasks.tasks).edges[0] == Edge("A", "B")


def test_the_picture_draws_each_kind_its_own_way_and_says_so_below_the_title() -> None:
    svg = draw_graph(graph().reduced())

    assert len(re.findall('class="(?:need|sure) contract"', svg)) == 2, "one need and the legend"
    assert len(re.findall('class="(?:need|sure) information"', svg)) == 3
    assert "sure information" in svg, "the critical path leads over one"
    assert svg.count(">api</text>") == 1
    assert "needs its text only" in svg


def test_names_of_contracts_lie_over_none_of_their_kind() -> None:
    crowd = tuple(
        Node(f"T{at}", "qa", HOUR, needs=(("A",),), contracts=(("A", f"a-contract-with-a-long-name-{at}"),))
        for at in range(12)
    )
    svg = draw_graph(PlanGraph("x", (Node("A", "qa", HOUR), *crowd)))

    rows = sorted(
        float(y) for y in re.findall('class="page" x="[0-9.]+" y="([0-9.]+)" width="[0-9.]+" height="14"', svg)
    )
    assert len(rows) == 12
    assert all(below - above >= 14 for above, below in pairwise(rows))


def test_a_contract_that_many_wait_for_is_named_once() -> None:
    crowd = tuple(Node(f"T{at}", "qa", HOUR, needs=(("A",),), contracts=(("A", "api"),)) for at in range(13))

    assert draw_graph(PlanGraph("x", (Node("A", "qa", HOUR), *crowd))).count(">api</text>") == 1


def test_languages_and_list_tell_them_apart() -> None:
    drawn = graph().reduced()
    lines = ["".join(piece.words for piece in line) for line in graph_lines(graph(), width=100)]

    assert any(line.endswith("← B, A (contract api), A or B, C (information)") for line in lines)
    mermaid, dot = graph_mermaid(drawn).splitlines(), graph_dot(drawn)
    assert '  t0 -->|"api"| t1' in mermaid
    assert '  t0 -.->|"information"| t2' in mermaid
    assert "  linkStyle 0 stroke-dasharray:8 4" in mermaid
    assert '  t0 -> t1 [style=dashed, label="api"]' in dot
    assert '  t0 -> t2 [style=dotted, label="information", penwidth=2.5]' in dot
    told = {task["id"]: task for task in json.loads(graph_data(drawn))["tasks"]}
    assert told["D"]["information"] == ["C"]
    assert told["B"]["contracts"] == [{"contract": "api", "task": "A"}]
    assert (told["C"]["needs"], told["C"]["level"], told["C"]["critical"]) == ([], 2, True)


def test_a_file_of_an_earlier_version_is_read_without_them() -> None:
    node = {"id": "A", "role": "qa", "seconds": 60, "needs": [], "title": "", "state": ""}

    assert graph_from_json(json.dumps({"title": "x", "nodes": [node], "left_out": 0})).nodes == (Node("A", "qa", 60),)
