"""The loop: what it carries out, what it hears of it, and how it ends when something of ours breaks."""

import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from plait.flows.delivering import open_loop
from plait.flows.journal_file import kept_journal
from plait.flows.running import loop as loop_module
from plait.flows.running.results import result_of
from plait.flows.servers.client import EMBEDDED
from plait.plans.journal.events import Begin, Close, Stop, Tick, WorkDone, WorkEnded
from plait.plans.tasks.outcomes import RunState, TaskState
from plait.show.run_outcome import outcome_of, replayed
from plait.workspace.errors import GitFailed
from tests.flows.opened import opened

PLAN = """
    feature: broken
    goal: Break.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: B, run: echo b > b.txt, needs: [A]}
"""


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def test_a_run_that_breaks_is_not_called_cancelled_and_says_why(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        loop = open_loop(session, lines={})
        run = loop.live.run
        for event in (Begin(), Tick(), WorkEnded("A", WorkDone("1" * 40, 1))):
            run.hear(event, session.began)

        with pytest.raises(GitFailed):
            loop.go()
        loop.journal.close()
        outcome = loop.live.outcome()

    states = {task.id: task.state for task in outcome.tasks}
    assert states == {"A": "done", "B": "cancelled"}
    assert "the run broke" in (outcome.tasks[1].reason or "")
    assert outcome.state is RunState.FAILED
    assert outcome.reason == outcome.tasks[1].reason
    assert session.shop.stop.is_set()


def test_what_the_loop_heard_is_in_the_journal_before_it_is_carried_out(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        loop = open_loop(session, lines={})
        session.shop.stop.set()
        loop.go()
        loop.journal.close()
        journal = kept_journal(session.shop.directory)

    assert journal is not None
    assert [type(entry.event) for entry in journal.entries] == [Begin, Stop, Close]
    assert journal.is_closed
    assert outcome_of(replayed(journal).standings) == loop.live.outcome()
    assert loop.live.outcome().state is RunState.CANCELLED


def test_a_second_ctrl_c_waits_for_nobody_and_still_says_where_every_task_was_left(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "STOP_SECONDS", 1e6)
    with opened(PLAN, repository) as session:
        loop = open_loop(session, lines={})
        for event in (Begin(), Tick()):
            loop.live.run.hear(event, session.began)
        session.shop.stop.set()
        threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()

        with pytest.raises(KeyboardInterrupt):
            loop.go()
        loop.journal.close()

    assert loop.live.standings.closed
    assert {task.state for task in loop.live.outcome().tasks} == {TaskState.CANCELLED}


def test_a_run_whose_journal_begins_is_named_after_its_session(repository: Path) -> None:
    with opened(PLAN, repository, run_id="run-7") as session:
        loop = open_loop(session, lines={}, urgency={"A": 1.0, "B": 2.0})
        manifest = loop.live.standings.manifest
        loop.journal.close()
        loop.keeper.close()

    assert (manifest.run, manifest.feature, manifest.branch) == ("run-7", "broken", "feature/broken/integration")
    assert [task.branch for task in manifest.tasks] == [f"feature/broken/agent/command/{task}" for task in "AB"]
    assert manifest == replace(manifest, urgency={"A": 1.0, "B": 2.0}, slots={"command": 2})


def test_a_task_run_that_never_began_is_an_error_and_not_the_end_of_the_loop() -> None:
    class Lost:
        def result(self, *, raise_on_failure: bool) -> object:
            raise RuntimeError(f"not ready, {raise_on_failure}")

    assert isinstance(result_of(Lost()), RuntimeError)  # type: ignore[arg-type]  # all that it needs of a future
