"""The book: states, times and reasons as people and programs see them."""

from pathlib import Path

import pytest

from flows.inputs.requests import read_brief
from flows.running.book import Book, open_book
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
