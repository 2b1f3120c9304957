"""What is found out about the feature branch, whoever moved it, while a run goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.agent_tasks.implement import implement
from plait.agent_tasks.integrate import integrate
from plait.flows.delivering import open_loop
from plait.flows.running.session import Session
from plait.flows.servers.client import EMBEDDED
from plait.plans.journal.events import (
    BatchDone,
    BatchEnded,
    Begin,
    Event,
    StartPrepared,
    Tick,
    TipMoved,
    WorkDone,
    WorkEnded,
)
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.conftest import DATE
from tests.flows.opened import opened, order_of
from tests.support.repositories import git

PLAN = "feature: shop\ngoal: Sell things.\ntasks: [{id: A, run: echo a > a.txt}]"
TIP = "feature/shop/integration"


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def landed(session: Session, *, start: str | None = None) -> tuple[str, BatchReport]:
    """The work of A, and its landing."""
    commit = implement.fn(order_of(session, "A", start=start), session.shop.facts).commit or ""
    order = BatchOrder("batch-1", session.shop.run_id, (Candidate("A", commit, ()),), DATE)
    return commit, integrate.fn(order, session.shop.facts)


def look(repository: Path, *, before: str | None, run_id: str, text: str, by: Callable[[str], str]) -> TipMoved | None:
    """What is found out once A has landed in a run, and then somebody has moved the branch."""
    with opened(text, repository, run_id=run_id) as session:
        loop = open_loop(session, lines={})
        commit, report = landed(session, start=before)
        heard: list[Event] = [Begin(), Tick(), *([StartPrepared("A", before), Tick()] if before else [])]
        for event in (*heard, WorkEnded("A", WorkDone(commit, 1)), Tick(), BatchEnded("batch-1", BatchDone(report))):
            loop.live.run.hear(event, session.began)
        assert loop._branch.look() is None
        git(repository, "update-ref", f"refs/heads/{TIP}", by(report.tip or ""))
        moved = loop._branch.look()
        loop.keeper.close()
        loop.journal.close()
    return moved


def test_a_branch_that_was_squashed_has_lost_nothing_that_its_message_names(repository: Path) -> None:
    def squashed(tip: str) -> str:
        message = git(repository, "log", "--format=%B", f"main..{tip}")
        return git(repository, "commit-tree", f"{tip}^{{tree}}", "-p", "main", "-m", f"all of it\n\n{message}")

    moved = look(repository, before=None, run_id="run-1", text=PLAN, by=squashed)

    assert moved is not None
    assert moved.lost == ()


def test_a_branch_that_was_set_back_to_what_a_task_was_before_has_lost_the_task(repository: Path) -> None:
    """Its history still names the task: the work that was asked for before."""
    with opened(PLAN, repository) as session:
        before = landed(session)[1].tip or ""

    moved = look(repository, before=before, run_id="run-2", text=PLAN.replace("echo a", "echo b"), by=lambda _: before)

    assert moved is not None
    assert (moved.tip, moved.lost) == (before, ("A",))
