"""What a later run takes over: branches that fit their spec, tasks that changed nothing, repaired needs."""

from pathlib import Path

import pytest

from plait.agent_tasks.implement import implement
from plait.flows.running.session import Session
from plait.plans.errors import CallError
from plait.plans.tasks.work import RepairOrder
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, git

PLAN = """
    feature: again
    goal: Do nothing twice.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: CHECK, run: test -f a.txt, needs: [A]}
      - {id: B, run: cp a.txt b.txt, needs: [CHECK]}
"""


def work(session: Session, task: str, *, start: str | None = None) -> str | None:
    return implement.fn(order_of(session, task, start=start), session.shop.facts).commit


def test_a_task_that_changed_nothing_is_not_done_again_and_hands_on_what_it_rests_on(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        made = work(first, "A")
        assert work(first, "CHECK", start=made) is None
        work(first, "B", start=made)

    with opened(PLAN, repository, run_id="run-2") as second:
        finished = second.reuse.finished

    assert {task: one.commit is None for task, one in finished.items()} == {"A": False, "CHECK": True, "B": False}
    assert finished["CHECK"].rests_on == ("A",)
    assert finished["B"].rests_on == ("A",)


def test_starting_over_forgets_what_changed_nothing_as_well(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        work(first, "CHECK", start=work(first, "A"))
    with opened(PLAN, repository, run_id="run-2", fresh=True) as second:
        assert second.reuse.finished == {}

    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.reuse.finished == {}


def test_work_that_rests_on_a_rejected_commit_is_kept_when_that_was_repaired(repository: Path) -> None:
    plan = PLAN.replace("needs: [CHECK]", "needs: [A]")
    with opened(plan, repository) as first:
        rejected = work(first, "A")
        assert rejected is not None
        work(first, "B", start=rejected)
        tip = commit_files(repository, {"other.txt": "landed meanwhile\n"})
        repair = RepairOrder(1, "fails-alone", rejected, tip, None, None, (), "red", ())
        order = order_of(first, "A", start=tip, expected=rejected, repair=repair)
        repaired = implement.fn(order, first.shop.facts).commit

    with opened(plan, repository, run_id="run-2") as second:
        assert second.reuse.outdated == ()
        assert second.reuse.finished["A"].commit == repaired
        assert second.reuse.finished["B"].rests_on == ("A",)


def test_a_branch_that_somebody_stands_on_is_not_put_aside_and_nothing_else_is(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        work(first, "CHECK", start=work(first, "A"))
    before = git(repository, "for-each-ref")
    git(repository, "checkout", "--quiet", "feature/again/agent/command/A")

    with pytest.raises(CallError, match="is checked out"), opened(PLAN, repository, run_id="run-2", fresh=True):
        pass

    assert git(repository, "for-each-ref") == before


def test_a_repair_does_not_move_a_branch_that_somebody_stands_on(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        rejected = work(session, "A")
        assert rejected is not None
        git(repository, "checkout", "--quiet", "feature/again/agent/command/A")
        repair = RepairOrder(1, "fails-alone", rejected, session.shop.base, None, None, (), "red", ())

        with pytest.raises(Exception, match="is checked out"):
            implement.fn(order_of(session, "A", expected=rejected, repair=repair), session.shop.facts)

    assert git(repository, "rev-parse", "HEAD") == rejected


def test_a_repair_that_holds_what_somebody_else_has_to_do_again_is_done_again_too(repository: Path) -> None:
    """B was repaired on top of A, as in a phase, and then A's task was changed: B's branch has the old A in it."""
    plan = """
        feature: again
        goal: Do nothing twice.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: B, run: echo b > b.txt}
    """
    with opened(plan, repository) as first:
        made, rejected = work(first, "A"), work(first, "B")
        assert made is not None
        assert rejected is not None
        repair = RepairOrder(1, "conflict", rejected, made, "A", made, (), "clash", ())
        implement.fn(order_of(first, "B", start=made, expected=rejected, repair=repair), first.shop.facts)

    with opened(plan, repository, run_id="run-2") as same:
        assert same.reuse.finished["B"].rests_on == ("A",)
    with opened(plan.replace("echo a", "echo other"), repository, run_id="run-3") as changed:
        assert changed.reuse.finished == {}
        assert len(changed.reuse.outdated) == 2


def test_starting_over_that_is_refused_leaves_the_base_where_it_was(repository: Path, tmp_path: Path) -> None:
    with opened(PLAN, repository) as first:
        began = first.shop.base
        git(repository, "branch", "feature/again/integration", work(first, "A") or "")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "there"), "feature/again/integration")
    commit_files(repository, {"new.txt": "later\n"})

    with pytest.raises(CallError, match="is checked out"), opened(PLAN, repository, run_id="run-2", fresh=True):
        pass

    git(repository, "worktree", "remove", str(tmp_path / "there"))
    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.shop.base == began


def test_what_has_landed_is_built_on_when_its_task_is_asked_for_something_else_also_after_a_kill(
    repository: Path,
) -> None:
    """The run that asks for something else first puts the branch aside; the one after it knows all the same."""
    with opened(PLAN, repository) as first:
        made = work(first, "A")
        assert made is not None
        git(repository, "update-ref", "refs/heads/feature/again/integration", made)
    changed = PLAN.replace("echo a", "echo other")
    with opened(changed, repository, run_id="run-2") as killed:
        assert "A" in killed.reuse.redone

    with opened(changed, repository, run_id="run-3") as third:
        assert "A" in third.reuse.redone
        assert third.reuse.outdated == ()
