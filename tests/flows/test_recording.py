"""What a run writes down while it goes on."""

import json
import time
from pathlib import Path

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.recording.recording import recorded_progress
from plait.flows.running.book import open_book
from plait.plans.tasks.outcomes import TaskState


def test_the_last_progress_record_says_how_the_run_ended(tmp_path: Path) -> None:
    tasks = read_brief("feature: x\ntasks:\n  - {id: A, run: echo}\n", source="plan", crew=None, folder=tmp_path)
    book = open_book("run", "x", "feature/x/integration", tasks.expansion.tasks, {"A": "feature/x/agent/command/A"}, ())

    with recorded_progress(book, tmp_path):
        book.enter("A", TaskState.RUNNING)
        book.enter("A", TaskState.LANDED)

    record = json.loads((tmp_path / "progress.json").read_text())
    assert (record["totals"]["landed"], record["active"], record["eta_seconds"]) == (1, [], 0.0)


def test_a_progress_that_cannot_be_written_is_said_once_for_each_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("plait.flows.recording.recording.PROGRESS_SECONDS", 0.01)
    tasks = read_brief("feature: x\ntasks:\n  - {id: A, run: echo}\n", source="plan", crew=None, folder=tmp_path)
    book = open_book("run", "x", "feature/x/integration", tasks.expansion.tasks, {"A": "feature/x/agent/command/A"}, ())

    with recorded_progress(book, tmp_path / "place"):
        time.sleep(0.2)
        (tmp_path / "place").touch()
        time.sleep(0.2)

    said = [message.partition(" of run: ")[2].partition(":")[0] for message in caplog.messages]
    assert said == ["[Errno 2] No such file or directory", "[Errno 20] Not a directory"]
