"""What a run sees that persons have made of its branches, between two things that it hears."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.agent_tasks.persons_repair import author_of
from plait.flows.delivering import open_loop
from plait.flows.running.loop import Loop
from plait.flows.servers.client import EMBEDDED
from plait.plans.journal.events import BatchDone, BatchEnded, Begin, RepairTaken, Tick, WorkDone, WorkEnded
from plait.plans.tasks.outcomes import BatchOutcome, BatchState
from plait.plans.tasks.work import BatchReport, Rework
from tests.flows.opened import opened
from tests.support.repositories import git

PLAN = """
    feature: mend
    goal: Mend.
    tasks: [{id: A, run: echo a > a.txt}]
"""
BRANCH = "feature/mend/agent/command/A"


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def committed(repository: Path, below: str, message: str) -> str:
    """A commit above another one, and the branch of A there."""
    made = git(repository, "commit-tree", "-p", below, "-m", message, f"{below}^{{tree}}").strip()
    git(repository, "update-ref", f"refs/heads/{BRANCH}", made)
    return made


@pytest.fixture
def loop(repository: Path) -> Iterator[Loop]:
    """A run whose batch has A's commit."""
    with opened(PLAN, repository) as session:
        loop = open_loop(session, lines={})
        assert loop.live.standings.facts["A"].branch == BRANCH
        made = committed(repository, session.shop.base, "A")
        for event in (Begin(), Tick(), WorkEnded("A", WorkDone(made, 1)), Tick()):
            loop.live.run.hear(event, session.began)
        yield loop
        loop.keeper.close()
        loop.journal.close()


def reject(loop: Loop) -> None:
    """The batch in work hands A back."""
    (batch,) = loop.live.standings.in_work
    outcome = BatchOutcome(id=batch, state=BatchState.REJECTED)
    rework = Rework("A", "fails-alone", None, None, (), "red", ())
    loop._hear(BatchEnded(batch, BatchDone(BatchReport(outcome, (rework,)))))


def test_what_a_person_did_while_the_batch_was_in_work_is_seen_before_an_agent_starts(
    loop: Loop, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop._look()  # so that the next look would be a second away
    mended = committed(repository, loop.live.standings.tasks["A"].commit or "", "by a person")
    taken: list[str] = []
    monkeypatch.setattr(Loop, "_take_repair", lambda _loop, effect: taken.append(effect.commit))
    reject(loop)
    loop._look()
    loop._tick()

    assert taken == [mended]
    assert loop.live.standings.tasks["A"].starts == 1


def test_each_commit_that_repairs_a_task_is_found_once(loop: Loop, repository: Path) -> None:
    reject(loop)
    watch, rejected = loop._branch, loop.live.standings.tasks["A"].commit or ""
    assert watch.persons_repairs() == []
    first = committed(repository, rejected, "by a person")
    assert [found.commit for found in watch.persons_repairs()] == [first]
    assert watch.persons_repairs() == []
    second = committed(repository, first, "by a person again")
    assert [found.commit for found in watch.persons_repairs()] == [second]


def test_who_goes_on_from_their_own_repair_repairs_it_although_plaits_commit_is_not_on_their_branch(
    loop: Loop, repository: Path
) -> None:
    """They stand on the branch, so plait has put its commit above theirs, and left the branch alone."""
    reject(loop)
    run, watch = loop.live.run, loop._branch
    first = committed(repository, loop.live.standings.tasks["A"].commit or "", "by a person")
    (found,) = watch.persons_repairs()
    above = git(repository, "commit-tree", "-p", first, "-m", "taken", f"{first}^{{tree}}").strip()
    for event in (found, RepairTaken("A", 1, WorkDone(above, 1)), Tick()):
        run.hear(event, loop._clock.now())
    reject(loop)
    assert watch.persons_repairs() == []

    second = committed(repository, first, "by a person again")
    assert [found.commit for found in watch.persons_repairs()] == [second]


def test_another_history_on_the_branch_is_no_repair_and_neither_is_what_goes_on_from_there(
    loop: Loop, repository: Path
) -> None:
    reject(loop)
    other = committed(repository, loop.shop.base, "something else")
    assert loop._branch.persons_repairs() == []
    committed(repository, other, "and more")
    assert loop._branch.persons_repairs() == []


def test_a_damaged_branch_repairs_nothing_and_ends_no_run(loop: Loop, repository: Path) -> None:
    reject(loop)
    damaged = committed(repository, loop.live.standings.tasks["A"].commit or "", "by a person")
    file = repository / ".git" / "objects" / damaged[:2] / damaged[2:]
    file.rename(file.with_name("away"))
    loop._looked_at = 0.0
    loop._look()
    assert "A" not in loop.live.standings.mending
    assert author_of(loop.shop, damaged) == "a person"

    file.with_name("away").rename(file)
    assert [found.commit for found in loop._branch.persons_repairs()] == [damaged]
