"""The loop: what it carries out, what it hears of it, and how it ends when something of ours breaks."""

import errno
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plait.flows.delivering import open_loop
from plait.flows.journal_file import JOURNAL, kept_journal
from plait.flows.running import loop as loop_module
from plait.flows.running.results import result_of, work_event
from plait.flows.servers.client import EMBEDDED
from plait.plans.journal.effects import StartWork
from plait.plans.journal.events import (
    BatchDone,
    BatchEnded,
    Beat,
    Begin,
    Close,
    RecordsRead,
    Stop,
    Tick,
    WorkDone,
    WorkEnded,
    WorkFailed,
)
from plait.plans.journal.fitting import LONGEST
from plait.plans.tasks.outcomes import BatchOutcome, RunState
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import BatchReport, Rework
from plait.show.run_outcome import outcome_of, replayed
from plait.workspace.contract_refs import write_record
from plait.workspace.errors import GitFailed
from plait.workspace.git import git_date
from tests.flows.opened import opened, order_of

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


def test_a_repair_is_told_all_of_a_conflict_and_the_journal_what_fits_without_secrets(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that looks like a secret would come back into the code as `***`; a file not named may not be changed."""
    monkeypatch.setenv("API_KEY", "hunter22222")
    files = tuple(f"src/{number:06}/hunter22222.py" for number in range(1_000))
    rework = Rework("A", "conflict", None, None, files, "hunter22222 " * 1_000, ("make hunter22222",))
    with opened("feature: mend\ngoal: Mend.\ntasks: [{id: A, run: echo a > a.txt}]", repository) as session:
        loop = open_loop(session, lines={})
        run = loop.live.run
        for event in (Begin(), Tick(), WorkEnded("A", WorkDone("1" * 40, 1)), Tick()):
            run.hear(event, session.began)
        loop._hear(BatchEnded("batch-1", BatchDone(BatchReport(BatchOutcome(id="batch-1"), (rework,)))))
        (start,) = [effect for effect in run.hear(Tick(), loop._clock.now()) if isinstance(effect, StartWork)]
        order = loop._order(start)
        loop.keeper.close()
        loop.journal.close()

    assert order.repair is not None
    assert (order.repair.files, order.repair.reason, order.repair.commands) == (files, rework.reason, rework.commands)
    assert start.repair is not None
    assert (start.repair.files[0], len(start.repair.files) < 300) == ("src/000000/***.py", True)
    journal = (session.shop.directory / JOURNAL).read_text()
    assert "hunter22222" not in journal
    assert len(journal) < 20_000


def test_what_git_remembers_in_full_is_heard_once_though_less_of_it_is_heard(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "hunter22222")
    monkeypatch.setattr(loop_module, "LOOK_SECONDS", 0.0)
    plan = """
        feature: mend
        goal: Mend.
        contracts: [{id: api, owner: A, files: [a.txt], approval: person}]
        tasks: [{id: A, run: echo a > a.txt}]
    """
    with opened(plan, repository) as session:
        loop = open_loop(session, lines={})
        waiting = loop.live.standings.contracts["api"]
        loop.live.standings.put_contract(replace(waiting, asks="A"))
        said = Record("api", 1, "draft", session.shop.base, "f00d", reason="hunter22222 " * 1_000)
        write_record(session.shop.control, "mend", said, run="run-0", date=git_date())
        for _ in range(3):
            loop._look()
        loop.keeper.close()
        loop.journal.close()
        journal = kept_journal(session.shop.directory)

    assert journal is not None
    assert [type(entry.event) for entry in journal.entries] == [RecordsRead]
    (record,) = loop.live.standings.contracts["api"].records
    assert record.reason.startswith("*** ***")
    assert len(record.reason) <= LONGEST


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
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


def test_the_journal_is_told_that_time_passes_although_nothing_happens(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "BEAT_SECONDS", 0.0)
    with opened(PLAN, repository) as session:
        loop = open_loop(session, lines={})
        for event in (Begin(), Tick()):
            loop.live.run.hear(event, session.began)
        threading.Timer(1.0, session.shop.stop.set).start()
        monkeypatch.setattr(loop_module, "STOP_SECONDS", 0.0)
        loop.go()
        loop.journal.close()
        journal = kept_journal(session.shop.directory)

    assert journal is not None
    assert sum(isinstance(entry.event, Beat) for entry in journal.entries) >= 2


def test_what_this_machine_did_not_let_a_task_do_is_no_fault_of_the_task(repository: Path) -> None:
    class Full:
        def result(self, **_options: bool) -> object:
            return OSError(errno.ENOSPC, "No space left on device")

    with opened(PLAN, repository) as session:
        event = work_event(order_of(session, "A"), Full(), session.shop, number=1)  # type: ignore[arg-type]

    assert isinstance(event.result, WorkFailed)
    assert event.result.environment


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
