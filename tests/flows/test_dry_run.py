"""A dry run tells what is left to do, by what git knows of earlier runs, and what would become of base."""

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.terminal.dry_run import DryRun, show_dry_run
from plait.plans.errors import CallError
from tests.flows.finished import PLAN, finish
from tests.support.repositories import commit_files, git

Ask = Callable[..., dict[str, Any]]
LATER = PLAN.replace("integration:", "  - {id: C, run: echo c > c.txt}\n    integration:")


@pytest.fixture
def record(repository: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def ask(text: str = PLAN, **options: Any) -> dict[str, Any]:
        brief = read_brief(dedent(text), source="plan.yaml", crew=None, folder=repository)
        asked = DryRun(repository, **options)
        show_dry_run(brief, tuple(task.id for task in brief.expansion.tasks), asked, json=True)
        return dict(json.loads(capsys.readouterr().out))

    return ask


def ids(record: dict[str, Any]) -> list[str]:
    return sorted(task["id"] for task in record["tasks"])


def test_before_the_first_run_all_is_left_and_afterwards_what_is_new(repository: Path, record: Ask) -> None:
    assert (ids(record()), record()["finished"]) == (["A", "B"], [])
    finish(repository)

    assert (ids(record()), record()["finished"], record()["elapsed_seconds"]) == ([], ["A", "B"], 0)
    assert (ids(record(LATER)), record(LATER)["finished"]) == (["C"], ["A", "B"])


def test_starting_over_does_all_again_and_says_so(repository: Path, record: Ask) -> None:
    assert record(fresh=True)["notes"] == []
    finish(repository)

    again = record(fresh=True)

    assert (ids(again), again["finished"]) == (["A", "B"], [])
    assert again["notes"] == ["what earlier runs finished is put aside, and done again"]


def test_what_becomes_of_base_is_told_whether_it_is_taken_in_or_not(repository: Path, record: Ask) -> None:
    assert "nothing to take in: nothing has landed yet" in record(refresh=True)["notes"][0]
    finish(repository)
    assert "nothing to take in: the feature has all of main" in record(refresh=True)["notes"][0]
    now = commit_files(repository, {"new.txt": "x\n"})

    assert "main has moved on by 1 commit" in record()["notes"][0]
    [note] = record(refresh=True)["notes"]
    assert note == (
        f"main is taken in first as it is at {now[:10]}, with 1 commit that the feature lacks: merged, verified, landed"
    )


def test_a_dry_run_refuses_what_the_run_would(repository: Path, record: Ask) -> None:
    finish(repository)
    git(repository, "branch", "--move", "main", "trunk")
    with pytest.raises(CallError, match="main is gone"):
        record(refresh=True)
