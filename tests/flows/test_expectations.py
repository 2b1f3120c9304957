"""What a run keeps of its plan from its start."""

from pathlib import Path
from textwrap import dedent

from plait.flows.inputs.requests import read_brief
from plait.flows.recording.expectations import keep_expectations
from plait.flows.recording.kept_expectations import kept_forecast, kept_graph
from tests.flows.opened import opened

PLAN = """
    feature: kept
    goal: Keep what was expected.
    tasks:
      - {id: A, run: "true", duration: 2h}
      - {id: B, run: "true", duration: 1h, needs: [A]}
      - {id: C, run: "true", duration: 4h}
"""


def test_a_run_keeps_the_forecast_and_the_graph_of_its_tasks(repository: Path) -> None:
    brief = read_brief(dedent(PLAN), source="plan.yaml", crew=None, folder=repository)
    with opened(PLAN, repository, only=("A", "B")) as session:
        keep_expectations(session, brief)
        forecast, graph = kept_forecast(session.shop.directory), kept_graph(session.shop.directory)

    assert forecast is not None
    assert [task.id for task in forecast.tasks] == ["A", "B"]
    assert forecast.ends is not None
    assert graph is not None
    assert [(node.id, node.needs) for node in graph.nodes] == [("A", ()), ("B", (("A",),))]


def test_nothing_is_forecast_where_nothing_is_known(repository: Path) -> None:
    text = PLAN.replace(", duration: 2h", "").replace(", duration: 1h", "").replace(", duration: 4h", "")
    brief = read_brief(dedent(text), source="plan.yaml", crew=None, folder=repository)
    with opened(text, repository) as session:
        keep_expectations(session, brief)

        assert kept_forecast(session.shop.directory) is None
        assert kept_graph(session.shop.directory) is not None


def test_what_is_broken_in_the_folder_of_a_run_is_as_good_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "forecast.json").write_text('{"elapsed": ', encoding="utf-8")
    (tmp_path / "graph.json").write_bytes(b"\xff")

    assert kept_forecast(tmp_path) is None
    assert kept_graph(tmp_path) is None
