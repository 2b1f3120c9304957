"""Folders of runs that are damaged, hostile or of another version: passed over, and never a traceback."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plait.flows.recording.kept_expectations import kept_forecast, kept_graph
from plait.flows.runs import find_run, known_runs
from plait.flows.terminal.sheet import status_table
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.tasks.states import TaskState
from tests.support.outcomes import a_task, an_outcome

RUN: dict[str, Any] = {
    "run_id": "cart-1",
    "feature": "cart",
    "repository": "/shop/.git",
    "pid": 1,
    "started": "never",
    "flow_run": None,
    "deployed": False,
    "api_url": None,
}
HOSTILE = "A\x1b]0;mine\x07\x9b2J\u202e\n# B"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "runs" / "cart-1").mkdir(parents=True)
    return tmp_path


def kept(home: Path, outcome: FeatureOutcome | str, **changes: Any) -> Path:
    """A run's folder."""
    directory = home / "runs" / "cart-1"
    (directory / "run.json").write_text(json.dumps(RUN | changes))
    text = outcome if isinstance(outcome, str) else outcome.model_dump_json()
    (directory / "outcome.json").write_text(text)
    return directory


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", '"x"', "{}", "[" * 100_000, json.dumps(RUN | {"pid": None}), json.dumps(RUN)[:40]]
)
def test_a_run_file_that_says_nothing_is_passed_over(home: Path, text: str) -> None:
    (kept(home, an_outcome()) / "run.json").write_text(text)
    assert known_runs(home) == []
    with pytest.raises(CallError, match="no run yet"):
        find_run(home, None)


@pytest.mark.parametrize("key", ["run_id", "feature", "repository", "started", "pid"])
def test_a_run_file_with_other_kinds_of_values_is_passed_over(home: Path, key: str) -> None:
    for value in (None, [], {}, 1.5):
        kept(home, an_outcome(), **{key: value})
        assert known_runs(home) == []


def test_a_run_that_is_called_as_a_terminal_is_commanded_is_passed_over(home: Path) -> None:
    kept(home, an_outcome(), run_id=HOSTILE)
    assert known_runs(home) == []


@pytest.mark.parametrize("name", ["run.json", "outcome.json", "forecast.json", "graph.json"])
def test_pipes_and_links_in_place_of_files_are_not_waited_for(home: Path, name: str) -> None:
    directory = kept(home, an_outcome())
    for plant in (os.mkfifo, lambda file: file.symlink_to("/dev/zero"), lambda file: file.mkdir()):
        (directory / name).unlink(missing_ok=True)
        plant(directory / name)
        runs = known_runs(home)
        assert (runs == []) == (name == "run.json")
        assert all(run.outcome() is None for run in runs) == (name in ("run.json", "outcome.json"))
        assert kept_forecast(directory) is None
        assert kept_graph(directory) is None


@pytest.mark.parametrize("elapsed", ["Infinity", "-Infinity", "NaN", "1e308"])
def test_an_outcome_with_times_that_no_clock_shows_counts_as_none(home: Path, elapsed: str) -> None:
    said = json.loads(an_outcome().model_dump_json())
    kept(home, json.dumps(said | {"elapsed_seconds": 0.25}).replace("0.25", elapsed))
    assert find_run(home, None).outcome() is None
    kept(home, json.dumps(said | {"started_at": "9999-12-31T23:59:59-14:00"}))
    assert find_run(home, None).outcome() is None
    kept(home, json.dumps(said))
    assert find_run(home, None).outcome() == an_outcome()


def test_names_in_the_table_of_a_run_command_no_terminal(home: Path) -> None:
    task = a_task("A").model_copy(update={"id": HOSTILE, "role": HOSTILE, "agent": HOSTILE, "reason": HOSTILE})
    outcome = an_outcome(run_id=HOSTILE, feature=HOSTILE, reason=HOSTILE, tasks=(task,))
    console = Console(width=200, force_terminal=False)
    with console.capture() as shown:
        console.print(status_table(outcome))
    assert not set(shown.get()) & set("\x1b\x07\x9b\u202e")


def test_a_killed_run_is_told_as_such(home: Path) -> None:
    began = an_outcome().started_at
    running = a_task("A").model_copy(update={"state": TaskState.RUNNING, "started_at": began})
    kept(home, an_outcome(state="running", tasks=(running,), ended_at=began + timedelta(hours=1)))
    found = find_run(home, "cart").outcome()
    assert found
    assert found.tasks[0].state is TaskState.CANCELLED
