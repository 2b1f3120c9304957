"""The book: states, times and reasons as people and programs see them."""

from pathlib import Path

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.running.book import Book, open_book
from plait.plans.tasks.outcomes import RunState, TaskState


@pytest.fixture
def book() -> Book:
    text = "feature: x\ngoal: X.\ntasks:\n  - {id: A, run: echo}\n"
    tasks = read_brief(text, source="plan", crew=None, folder=Path()).expansion.tasks
    return open_book("run", "x", "feature/x/integration", tasks, {"A": "feature/x/agent/command/A"}, ())


def test_a_repair_that_failed_has_an_end(book: Book) -> None:
    book.enter("A", TaskState.RUNNING)

    book.enter("A", TaskState.HELD, reason="rejected, and the repair failed")

    assert book.entries["A"].ended_at is not None


def test_being_cancelled_later_does_not_move_the_end_of_work(book: Book) -> None:
    book.enter("A", TaskState.RUNNING)
    book.enter("A", TaskState.DONE)
    ended = book.entries["A"].ended_at

    book.enter("A", TaskState.READY)
    book.enter("A", TaskState.CANCELLED)

    assert book.entries["A"].ended_at == ended


def test_reasons_can_be_printed_and_written_whatever_they_quote(book: Book) -> None:
    said: list[str] = []
    book.on_change = said.append

    book.enter("A", TaskState.FAILED, reason="it changed \x1b[2Jbad\udcff")

    assert "\x1b" not in said[0]
    assert "\udcff" not in book.outcome(state=RunState.FAILED).model_dump_json()


def test_a_signal_that_came_after_all_had_landed_cancelled_nothing(book: Book) -> None:
    book.enter("A", TaskState.LANDED)

    assert book.state(cancelled=True, trouble=False) is RunState.COMPLETED


def test_what_a_person_is_asked_is_known_from_the_question_to_the_answer(book: Book) -> None:
    book.ask("api", 1, owner="A")
    book.held_for("api", ("B", "C"))
    book.ask("api", 1, owner="A")
    (asked,) = book.outcome(state=RunState.RUNNING).asked
    book.answered("api")
    book.held_for("api", ())

    (answered,) = book.outcome(state=RunState.RUNNING).approvals
    assert (asked.contract, asked.version, asked.owner, asked.holds) == ("api", 1, "A", ("B", "C"))
    assert answered.answered_at is not None
    assert answered.model_copy(update={"answered_at": None}) == asked
    assert book.outcome(state=RunState.RUNNING).asked == ()


def test_a_new_version_is_a_new_question(book: Book) -> None:
    book.ask("api", 1, owner="A")
    book.ask("api", 2, owner="A")

    assert [(one.version, one.answered_at is None) for one in book.approvals] == [(1, False), (2, True)]


def test_since_when_a_task_is_worked_on_is_told_only_while_it_is(book: Book) -> None:
    book.enter("A", TaskState.RUNNING)
    running = book.entries["A"].outcome()
    book.enter("A", TaskState.DONE)

    assert running.dispatched_at == running.started_at
    assert book.entries["A"].outcome().dispatched_at is None
