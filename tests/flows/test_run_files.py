"""What a run writes down while it goes on."""

import json
from pathlib import Path

import pytest

from plait.flows.recording.run_files import LineKeeper, recorded_progress, remember, write_progress
from plait.flows.running.watching import LiveRun
from plait.plans.agents.activity import Activity
from plait.plans.tasks.outcomes import Span
from plait.plans.usage import Usage
from plait.store.engine import open_store
from plait.store.history import role_durations
from plait.store.records import RoleDuration
from tests.plans.run.played import Played, played
from tests.support.outcomes import a_task, an_outcome, at


def one_task() -> Played:
    return played("tasks: [{id: A, run: echo}]")


def test_the_last_progress_record_says_how_the_run_ended(tmp_path: Path) -> None:
    run = one_task()

    with recorded_progress(LiveRun(run.run), tmp_path):
        run.starts()
        run.changes_nothing("A")

    record = json.loads((tmp_path / "progress.json").read_text())
    assert (record["totals"]["landed"], record["active"], record["eta_seconds"]) == (1, [], 0.0)


def test_what_an_agent_does_now_is_recorded_with_what_it_has_used_up(tmp_path: Path) -> None:
    run = one_task()
    run.starts()
    live = LiveRun(run.run, {"A": '{"raw": 1}'})
    keeper = LineKeeper(live.lines)
    keeper.begun(live)

    keeper.acted("A", Activity(words="I look", tool="Read: a.py", model="opus", usage=Usage(input_tokens=7)))
    write_progress(live, tmp_path, set())

    record = json.loads((tmp_path / "progress.json").read_text())
    (active,) = record["active"]
    assert (active["last_line"], active["tool"], active["model"]) == ("I look", "Read: a.py", "opus")
    assert active["usage"]["input_tokens"] == 7


def test_who_works_is_recorded_with_what_was_printed_last(tmp_path: Path) -> None:
    run = one_task()
    run.starts()

    write_progress(LiveRun(run.run, {"A": "compiling"}), tmp_path, set())

    record = json.loads((tmp_path / "progress.json").read_text())
    (active,) = record["active"]
    assert (active["task"], active["agent"], active["last_line"]) == ("A", "command-1", "compiling")


def test_what_a_kill_cut_off_is_nothing_to_learn_durations_from(tmp_path: Path) -> None:
    cut = Span(started_at=at(0), ended_at=at(100), ok=False, cut=True)
    again, repair = Span(started_at=at(200), ended_at=at(205)), Span(started_at=at(210), ended_at=at(211), repair=1)
    task = a_task("A").model_copy(update={"spans": (cut, again, repair)})

    trouble = remember(an_outcome(tasks=(task,)), repository="r", plan_hash="h", planned={"A": 7.0}, home=tmp_path)

    learned = role_durations(open_store(f"sqlite:///{tmp_path}/plait.db"), "r")
    assert trouble is None
    assert learned == (RoleDuration("backend", "A", 7.0, 6.0),)


def test_a_progress_that_cannot_be_written_is_said_once_for_each_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live, told, place = LiveRun(one_task().run), set[int | None](), tmp_path / "place"

    for _ in range(2):
        write_progress(live, place, told)
    place.touch()
    for _ in range(2):
        write_progress(live, place, told)

    said = [message.partition(" of run-1: ")[2].partition(":")[0] for message in caplog.messages]
    assert said == ["[Errno 2] No such file or directory", "[Errno 20] Not a directory"]
