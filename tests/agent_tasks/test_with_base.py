"""A feature branch merged with base as it is now: what is seen, and that nothing is moved."""

from pathlib import Path

import pytest

from plait.agent_tasks.with_base import WithBase, verified_with_base
from plait.flows.running.session import Session
from tests.agent_tasks.batches import PLAN, TIP
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import commit_files, git


def seen(session: Session, tip: str, base: str) -> WithBase:
    with patience(30):
        return verified_with_base(session.shop, tip=tip, base=base, name="main", landed=(), date=DATE)


@pytest.fixture
def tip(repository: Path, branch_with: BranchWith) -> str:
    """A feature branch, from main as it was."""
    commit = branch_with("work", {"app.py": "theirs\n"})
    git(repository, "branch", TIP, commit)
    return commit


def test_what_base_has_more_is_merged_and_verified_and_no_branch_moves(repository: Path, tip: str) -> None:
    base = commit_files(repository, {"new.txt": "x\n"})
    before = git(repository, "for-each-ref")
    with opened(PLAN, repository) as session:
        made = seen(session, tip, base)
        store = session.shop.control.store
        assert (made.verdict, made.may_land) == ("green", True)
        assert store.ask("rev-parse", f"{made.commit}^1", f"{made.commit}^2").lines == [tip, base]
        assert store.tree_of(made.commit) == made.tree
        assert {*store.ask("ls-tree", "-r", "--name-only", made.tree).lines} >= {"new.txt", "app.py"}
        assert seen(session, made.commit, base).verdict == "same"
    assert {*before.splitlines()} <= {*git(repository, "for-each-ref").splitlines()}


def test_a_base_that_breaks_the_feature_is_red_and_one_that_conflicts_names_the_files(
    repository: Path, tip: str, branch_with: BranchWith
) -> None:
    bad, clash = branch_with("bad", {"bad.txt": "x\n"}), branch_with("clash", {"app.py": "ours\n"})
    with opened(PLAN, repository) as session:
        red, conflict = seen(session, tip, bad), seen(session, tip, clash)
    assert (red.verdict, red.may_land) == ("red", False)
    assert "`test ! -f bad.txt` failed" in red.reason
    assert (conflict.verdict, conflict.may_land, conflict.files, conflict.commit) == (
        "conflict",
        False,
        ("app.py",),
        tip,
    )
    assert "<<<<<<< the feature branch" in conflict.reason


def test_a_plan_without_checks_says_that_nothing_was_verified(repository: Path, tip: str) -> None:
    base = commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN.replace("verify: [test ! -f bad.txt]", "slots: 1"), repository) as session:
        assert seen(session, tip, base).verdict == "unverified"
