"""How far a run is, as the Prefect page tells it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.recording.page_progress import progress_words
from plait.flows.running.book import Book, open_book
from plait.plans.tasks.outcomes import RunState, TaskState
from plait.show.progress import Eta

PLAN = "feature: x\ntasks:\n  - {id: A, run: echo}\n  - {id: B, run: echo}\n  - {id: C_D, run: echo}\n"


@pytest.fixture
def book() -> Book:
    tasks = read_brief(PLAN, source="plan", crew=None, folder=Path()).expansion.tasks
    book = open_book("run", "x", "feature/x/integration", tasks, {task.id: task.id for task in tasks}, ())
    book.enter("A", TaskState.LANDED)
    now = datetime.now(UTC)
    book.eta = Eta(at=now, p10_seconds=480, p50_seconds=700, p80_seconds=800, p90_seconds=1200)
    return book


def test_it_counts_the_tasks_and_says_what_is_left(book: Book) -> None:
    assert progress_words(book) == "3 tasks: 2 pending, 1 landed; about 12 min left (8 min to 20 min)"


def test_it_says_for_what_a_person_is_waited_since_when_and_how_to_answer(book: Book) -> None:
    book.ask("a_b", 1, owner="A")
    book.held_for("a_b", ("B", "C_D"))
    since = f"{book.approvals[0].asked_at:%Y-%m-%d %H:%M:%S} UTC"

    words = progress_words(book)

    assert words == (
        f"3 tasks: 2 pending, 1 landed; since {since} it waits for a person to approve "
        "the contract a\\_b v1, written by A, B and C\\_D start after that: `plait approve x a_b`; "
        "about 12 min left, plus the time until a\\_b is approved"
    )


def test_a_run_that_is_over_has_nothing_left(book: Book) -> None:
    book.final_state = RunState.PARTIAL
    book.ask("api", 1, owner="A")

    assert progress_words(book) == "3 tasks: 2 pending, 1 landed"
