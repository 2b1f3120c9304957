"""The graph of a plan answers as networkx does, and knows alternatives besides."""

from itertools import pairwise
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.plans.schedule.need_graph import Graph, Needs
from tests.support.drawn import needs
from tests.support.effort import effort


def hard(*tasks: str) -> Needs:
    return tuple((task,) for task in tasks)


def oracle(plan: dict[str, Needs]) -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(plan)
    graph.add_edges_from((need, task) for task, groups in plan.items() for group in groups for need in group)
    return graph


def longest_behind(graph: "nx.DiGraph[str]", task: str, seconds: dict[str, float]) -> float:
    return max((seconds[later] + longest_behind(graph, later, seconds) for later in graph.successors(task)), default=0)


CART = {
    "schema": hard(),
    "api": hard("schema"),
    "page": hard("schema"),
    "copy": hard(),
    "tests": hard("api", "page"),
}
HOURS = {"schema": 2.0, "api": 6.0, "page": 4.0, "copy": 1.0, "tests": 3.0}


def test_a_plan_has_levels_a_critical_path_and_slack() -> None:
    graph = Graph(CART)
    timing = graph.timed(HOURS)
    assert graph.levels == (("schema", "copy"), ("api", "page"), ("tests",))
    assert timing.critical_path == ("schema", "api", "tests")
    assert timing.length == 11
    assert timing.slack == {"schema": 0, "api": 0, "page": 2, "copy": 10, "tests": 0}


def test_of_alternatives_the_first_to_end_holds_a_task_up() -> None:
    graph = Graph({"quick": (), "slow": (), "page": (("slow", "quick"),)})
    timing = graph.timed({"quick": 1, "slow": 5, "page": 3})
    assert timing.critical_path == ("slow",)
    assert timing.heads == [0, 0, 1]
    assert timing.tails == [3, 3, 0]
    assert timing.sure_tails == [0, 0, 0]
    assert timing.slack == {"quick": 1, "slow": 0, "page": 1}


def test_a_circle_is_shown_as_a_path() -> None:
    graph = Graph({"z": (), "a": hard("c", "z"), "b": hard("a"), "c": hard("b"), "d": hard("c")})
    assert graph.cycle == ("a", "c", "b", "a")
    with pytest.raises(CallError, match="a needs c needs b needs a"):
        _ = graph.order


def test_a_task_that_needs_itself_is_a_circle() -> None:
    assert Graph({"a": hard("a")}).cycle == ("a", "a")


def test_an_unknown_need_is_named() -> None:
    with pytest.raises(CallError, match="'api' needs 'shema'"):
        Graph({"schema": (), "api": hard("shema")})


def test_needs_that_others_imply_are_redundant() -> None:
    graph = Graph({"a": (), "b": hard("a"), "x": (), "c": (("a",), ("b",), ("a", "x"))})
    assert graph.redundant() == {"c": (("a",), ("a", "x"))}


def test_a_need_through_an_alternative_implies_nothing() -> None:
    assert Graph({"a": (), "x": (), "b": (("a", "x"),), "c": hard("a", "b")}).redundant() == {}


@given(needs())
def test_each_task_comes_after_what_it_needs(plan: dict[str, Needs]) -> None:
    order = Graph(plan).order
    assert sorted(order) == sorted(plan)
    for task, groups in plan.items():
        assert all(order.index(need) < order.index(task) for group in groups for need in group)


@given(needs(alternatives=False), st.randoms(use_true_random=False))
def test_networkx_agrees_on_levels_tails_and_critical_path(plan: dict[str, Needs], random: Random) -> None:
    seconds = {task: float(random.randint(0, 9)) for task in plan}
    graph, theirs = Graph(plan), oracle(plan)
    timing = graph.timed(seconds)
    assert [set(level) for level in graph.levels] == [set(level) for level in nx.topological_generations(theirs)]
    for task, tail, head in zip(graph.ids, timing.tails, timing.heads, strict=True):
        assert tail == longest_behind(theirs, task, seconds)
        assert head == longest_behind(theirs.reverse(), task, seconds)
    path = timing.critical_path
    assert sum(seconds[task] for task in path) == timing.length
    assert all(theirs.has_edge(need, task) for need, task in pairwise(path))
    assert all(timing.slack[task] == 0 for task in path)


@given(needs())
def test_networkx_agrees_on_descendants(plan: dict[str, Needs]) -> None:
    graph, theirs = Graph(plan), oracle(plan)
    for task, count in zip(graph.ids, graph.descendant_counts, strict=True):
        assert set(graph.descendants(task)) == nx.descendants(theirs, task)
        assert count == len(nx.descendants(theirs, task))


@given(needs(alternatives=False))
def test_networkx_agrees_on_the_transitive_reduction(plan: dict[str, Needs]) -> None:
    theirs = oracle(plan)
    kept = nx.transitive_reduction(theirs)
    dropped = {(need, task) for task, groups in Graph(plan).redundant().items() for (need,) in groups}
    assert dropped == set(theirs.edges) - set(kept.edges)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_circle_is_found_exactly_when_there_is_one(edges: list[tuple[int, int]]) -> None:
    plan = {str(task): hard(*(str(need) for need, other in edges if other == task)) for task in range(8)}
    cycle = Graph(plan).cycle
    assert (cycle is None) == nx.is_directed_acyclic_graph(oracle(plan))
    if cycle:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all((need,) in plan[task] for task, need in pairwise(cycle))


@given(needs(), st.randoms(use_true_random=False))
def test_no_task_has_negative_slack_and_some_chain_has_none(plan: dict[str, Needs], random: Random) -> None:
    timing = Graph(plan).timed({task: float(random.randint(0, 9)) for task in plan})
    assert min(timing.slack.values()) == 0
    assert all(timing.slack[task] == 0 for task in timing.critical_path)


def test_ten_thousand_tasks_are_analysed_at_once() -> None:
    size = 10_000
    plan = {f"t{n}": hard(*{f"t{(n * 7919 + step) % n}" for step in range(2)} if n else ()) for n in range(size)}
    with effort(most=100 * size):
        graph = Graph(plan)
        timing = graph.timed(dict.fromkeys(plan, 1.0))
        assert len(graph.order) == len(timing.slack) == size
        assert len(graph.descendant_counts) == size
        assert graph.levels
        graph.redundant()
