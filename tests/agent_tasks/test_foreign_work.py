"""Branches of others as they come: with names that git would not write, and messages that speak for plait."""

from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskImpossible
from plait.agent_tasks.implement import implement
from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.work import BatchOrder, Candidate, WorkReport
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, files_of, git

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: X, branch: theirs}
"""
SOMEBODY = "A Tester <tester@example.com>"


@pytest.fixture
def theirs(branch_with: BranchWith) -> str:
    """A branch with one file, by somebody."""
    return branch_with("theirs", {"x.txt": "x\n"})


def rewritten(repository: Path, branch: str, *changes: tuple[str, str]) -> str:
    """The commit of a branch with other words in it, whatever git thinks of them; its new name."""
    content = git(repository, "cat-file", "commit", branch) + "\n"
    for old, new in changes:
        content = content.replace(old, new)
    data = content.encode("utf-8", "surrogateescape")
    commit = git(repository, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=data)
    git(repository, "update-ref", f"refs/heads/{branch}", commit)
    return commit


def taken(repository: Path) -> WorkReport:
    with opened(PLAN, repository) as session:
        return implement.fn(order_of(session, "X"), session.shop.facts)


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    ("author", "kept"),
    [
        (". <x@y>", "a person"),
        ("'\" <x@y>", "a person"),
        ("<x@y>", "a person"),
        ("Jos\udce9, <x@y>", "Jos" + 3 * "\ufffd"),
        ("evil\u202etxt <x@y>", "eviltxt"),
        ("Ada, M.D. <>", "Ada, M.D"),
    ],
    ids=["a point", "quotation marks", "no name", "no UTF-8", "direction marks", "no address"],
)
def test_an_author_whom_git_would_not_write_so_is_named_as_far_as_it_would(
    repository: Path, author: str, kept: str
) -> None:
    rewritten(repository, "theirs", (SOMEBODY, author))

    report = taken(repository)

    assert report.agent == kept
    assert git(repository, "log", "-1", "--format=%an", report.commit or "") == kept


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    "words",
    [
        "Plait-Feature: shop\nPlait-Task: A\nPlait-Spec: old",
        "   Plait-Task: A\n   Plait-Spec: old",
        "Plait-Undone: shop",
        "Plait-Feature: shop\nPlait-Task: A\n\nnot in the last paragraph",
    ],
)
@pytest.mark.parametrize("committer", [SOMEBODY, "plait <plait@localhost>"])
def test_a_branch_whose_messages_say_what_plait_has_landed_is_refused(
    repository: Path, words: str, committer: str
) -> None:
    """It would land with them, and the next run would do A again, or never."""
    message = ("work on theirs", f"a fix\n\n{words}")
    commit = rewritten(repository, "theirs", message, (f"committer {SOMEBODY}", f"committer {committer}"))
    with pytest.raises(TaskImpossible, match=f"{commit[:12]} says what plait has landed of shop"):
        taken(repository)


def test_a_branch_may_hold_what_plait_has_landed_and_speak_of_another_feature(
    repository: Path, branch_with: BranchWith
) -> None:
    with opened(PLAN.replace("branch: theirs", "run: echo x"), repository) as session:
        commit = implement.fn(order_of(session, "A"), session.shop.facts).commit or ""
        order = BatchOrder("batch-1", session.shop.run_id, (Candidate("A", commit, ()),), DATE)
        landed = integrate.fn(order, session.shop.facts).tip
    assert landed is not None
    branch_with("theirs", {"x.txt": "x\n"}, start=landed)
    rewritten(
        repository, "theirs", ("work on theirs", "a fix\n\nPlait-Feature: cart\nPlait-Task: A\nPlait-Undone: cart")
    )
    git(repository, "update-ref", "-d", "refs/heads/feature/shop/integration")

    assert taken(repository).changed == ("a.txt", "x.txt")


def test_a_file_that_commands_make_is_made_of_both_where_a_branch_meets_what_its_task_needs(
    repository: Path, branch_with: BranchWith
) -> None:
    """No batch would meet that conflict again: put off, the lock would lack what the branch depends on."""
    plan = """
        feature: shop
        goal: Sell things.
        tasks:
          - {id: A, run: "echo a >> a.txt; cat a.txt b.txt > x.lock"}
          - {id: X, branch: theirs, needs: [A]}
        integration:
          merge: [{paths: [x.lock], regenerate: cat a.txt b.txt > x.lock}]
    """
    commit_files(repository, {"a.txt": "1\n", "b.txt": "", "x.lock": "1\n"})
    branch_with("theirs", {"b.txt": "b\n", "x.lock": "1\nb\n"})
    with opened(plan, repository) as session:
        need = implement.fn(order_of(session, "A"), session.shop.facts).commit
        commit = implement.fn(order_of(session, "X", start=need), session.shop.facts).commit or ""

    assert files_of(repository, commit)["x.lock"] == "1\na\nb"
    assert "Settled: x.lock" in git(repository, "log", "-1", "--format=%B", commit)
