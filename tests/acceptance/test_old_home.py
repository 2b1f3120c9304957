"""The state directory of an earlier plait is read as it is; one of a later plait is refused, never misread."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import plait

LEFT = Path(__file__).parents[1] / "data" / "home-0.1"


@pytest.fixture
def home(hermetic: Path) -> Path:
    """A copy of what plait 0.1 left: a run that landed, `hello`, and one that was killed, `stopped`."""
    shutil.copytree(LEFT, hermetic)
    return hermetic


def test_its_runs_are_listed(home: Path, tmp_path: Path) -> None:
    runs = plait("status", "--all", "--json", cwd=tmp_path).data["runs"]
    assert {run["feature"]: run["state"] for run in runs} == {"hello": "completed", "stopped": "failed"}


def test_a_run_that_landed_is_shown_reported_and_its_logs_read(home: Path, tmp_path: Path) -> None:
    status = plait("status", "hello", "--json", cwd=tmp_path).data
    report = plait("report", "hello", "--json", cwd=tmp_path).data
    text = plait("report", "hello", cwd=tmp_path).stdout
    logs = plait("logs", "BOTH", "--run", "hello", cwd=tmp_path)

    assert {task["id"]: task["state"] for task in status["tasks"]} == dict.fromkeys(
        ("HELLO", "WORLD", "BOTH"), "landed"
    )
    assert report["commit"] == status["commit"]
    assert report["metrics"]["verifications"] == 1
    assert "3 of 3 tasks landed" in text
    assert logs.status == 0, logs.stderr


def test_a_run_that_was_killed_is_shown_as_killed_with_what_it_had_done(home: Path, tmp_path: Path) -> None:
    status = plait("status", "stopped", "--json", cwd=tmp_path).data
    shown = plait("status", "stopped", cwd=tmp_path)
    logs = plait("logs", "SLOW", "--run", "stopped", cwd=tmp_path)

    assert status["state"] == "failed"
    assert {task["id"]: task["state"] for task in status["tasks"]} == {"QUICK": "done", "SLOW": "cancelled"}
    assert "killed" in shown.stdout
    assert "working" in logs.stdout


@pytest.mark.parametrize("words", [["status"], ["report"], ["logs", "BOTH"], ["cancel"]])
def test_a_home_of_a_later_plait_is_refused_with_one_paragraph(home: Path, tmp_path: Path, words: list[str]) -> None:
    (home / "version").write_text("99\n")

    refused = plait(*words, cwd=tmp_path)

    assert refused.status == 3
    assert refused.stdout == ""
    error, hint = refused.stderr.strip().splitlines()
    assert error.startswith(f"error: plait's state in {home} is of version 99, and this plait knows it up to version ")
    assert hint == "  hint: use the plait that has written it, or set PLAIT_HOME to another directory"
