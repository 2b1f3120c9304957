"""Of branches that do not fit together the largest, most urgent set lands, and the others say for whom they wait."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from plait.agent_tasks.landing_order import chain_that_lands_most
from plait.agent_tasks.workshop import workshop_of
from plait.plans.landing.batch_words import batch_words
from plait.plans.tasks.outcomes import BatchState, Held
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from plait.workspace.chains import Branch, ChainBuilder
from tests.agent_tasks.batches import PLAN, TIP, batch_of
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.repositories import files_of


def clashes(report: BatchReport) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    return {no.task: (no.partner, no.files) for no in report.outcome.rejected if no.kind == "conflict"}


def test_two_that_fit_land_rather_than_the_first_that_fits_with_neither(
    repository: Path, branch_with: BranchWith
) -> None:
    wide = branch_with("wide", {"README.md": "wide\n", "docs/guide.md": "wide\n"})
    one, two = branch_with("one", {"README.md": "one\n"}), branch_with("two", {"docs/guide.md": "two\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("WIDE", wide, ()), Candidate("ONE", one, ()), Candidate("TWO", two, ()))

    assert report.outcome.landed == ("ONE", "TWO")
    assert list(clashes(report)) == ["WIDE"]
    assert batch_words(report.outcome).startswith(
        "part landed, landed ONE, TWO, WIDE waits for ONE: conflict in README.md"
    )
    assert [(one.task, one.commit is None) for one in report.outcome.chain] == [
        ("ONE", False),
        ("TWO", False),
        ("WIDE", True),
    ]
    assert report.outcome.verifications == 1


def test_of_two_that_clash_the_one_that_others_wait_for_lands(repository: Path, branch_with: BranchWith) -> None:
    a, b = branch_with("a", {"README.md": "a\n"}), branch_with("b", {"README.md": "b\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", a, ()), Candidate("B", b, (), behind=3600.0))

    assert report.outcome.landed == ("B",)
    assert clashes(report) == {"A": ("B", ("README.md",))}
    assert report.rework[0].partner_commit == b
    assert files_of(repository, TIP)["README.md"] == "b"


def test_what_rests_on_a_branch_lands_with_it_and_counts(repository: Path, branch_with: BranchWith) -> None:
    a, b = branch_with("a", {"README.md": "a\n"}), branch_with("b", {"README.md": "b\n"})
    c = branch_with("c", {"c.txt": "c\n"}, start="b")
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", a, (), behind=9e9), Candidate("B", b, ()), Candidate("C", c, ("B",)))
    assert report.outcome.landed == ("B", "C")
    assert clashes(report) == {"A": ("B", ("README.md",))}


def test_a_phase_is_worth_its_whole_or_nothing(repository: Path, branch_with: BranchWith) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n"}),
        "B": branch_with("b", {"b.txt": "b\n"}),
        "X": branch_with("x", {"README.md": "x\n", "docs/guide.md": "x\n"}),
    }
    phase = ("A", "B")
    with opened(PLAN, repository) as session:
        candidates = [Candidate("X", tips["X"], ()), Candidate("A", tips["A"], ()), Candidate("B", tips["B"], ())]
        whole = batch_of(session, *candidates, groups=(phase,))
    assert whole.outcome.landed == ("A", "B")
    assert clashes(whole) == {"X": ("A", ("README.md",))}


def test_a_phase_that_lacks_something_takes_no_place(repository: Path, branch_with: BranchWith) -> None:
    a, x = branch_with("a", {"README.md": "a\n"}), branch_with("x", {"README.md": "x\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", a, (), priority=1), Candidate("X", x, ()), groups=(("A", "ABSENT"),))
    assert report.outcome.landed == ("X",)
    assert report.outcome.state is BatchState.PART_LANDED
    assert clashes(report) == {"A": ("X", ("README.md",))}


def test_three_that_conflict_where_no_two_do_land_as_many_as_in_the_order_given(
    repository: Path, branch_with: BranchWith
) -> None:
    """Git merges any two of these: the third meets both changes at once."""
    base = "".join(f"{number}\n" for number in range(9))
    branch_with("base", {"n.txt": base})
    tips = {
        "A": branch_with("a", {"n.txt": base.replace("2\n", "two\n")}, start="base"),
        "B": branch_with("b", {"n.txt": base.replace("4\n", "four\n")}, start="base"),
        "C": branch_with("c", {"n.txt": base.replace("3\n", "three\n")}, start="base"),
    }
    with opened(PLAN, repository) as session:
        report = batch_of(session, *(Candidate(task, tip, ()) for task, tip in tips.items()))
    assert len(report.outcome.landed) + len(clashes(report)) == 3
    assert len(report.outcome.landed) >= 1


def test_what_a_rule_settles_is_no_conflict_to_choose_by(repository: Path, branch_with: BranchWith) -> None:
    """Here nothing settles anything: that it was asked, and that its answer is held against a real merge, is seen."""
    tips = {
        "A": branch_with("a", {"README.md": "a\n", "docs/guide.md": "a\n"}),
        "B": branch_with("b", {"README.md": "b\n"}),
        "C": branch_with("c", {"docs/guide.md": "c\n"}),
    }
    asked: list[tuple[str, ...]] = []

    def settles(paths: Sequence[str]) -> bool:
        asked.append(tuple(paths))
        return True

    with opened(PLAN, repository) as session:
        shop = workshop_of(session.shop.facts)
        builder = ChainBuilder(shop.control.store, shop.base, batch="batch-1", date=DATE)
        branches = [Branch(task, tip) for task, tip in tips.items()]
        touched: dict[str, Collection[str]] = dict.fromkeys(tips, ("README.md", "docs/guide.md"))
        order = BatchOrder("batch-1", "run", tuple(Candidate(task, tip, ()) for task, tip in tips.items()), DATE)
        chain, chosen = chain_that_lands_most(order, shop, builder, branches, touched, settles=settles)
    assert sorted(asked) == [("README.md",), ("docs/guide.md",)]
    assert [branch.task for branch in chosen] == ["B", "C", "A"]
    assert [link.task for link in chain.links] == ["B", "C"]


def test_of_more_branches_than_can_be_weighed_in_pairs_the_first_in_the_order_given_lands(
    repository: Path, branch_with: BranchWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.agent_tasks.landing_order._MOST", 1)
    a, b = branch_with("a", {"README.md": "a\n"}), branch_with("b", {"README.md": "b\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", a, ()), Candidate("B", b, (), behind=3600.0))
    assert report.outcome.landed == ("A",)
    assert clashes(report) == {"B": ("A", ("README.md",))}


def test_what_needs_a_branch_that_waits_is_held(repository: Path, branch_with: BranchWith) -> None:
    a, b = branch_with("a", {"README.md": "a\n"}), branch_with("b", {"README.md": "b\n"})
    c, d = branch_with("c", {"c.txt": "c\n"}, start="a"), branch_with("d", {"d.txt": "d\n"}, start="b")
    with opened(PLAN, repository) as session:
        report = batch_of(
            session,
            Candidate("A", a, ()),
            Candidate("B", b, ()),
            Candidate("C", c, ("A",)),
            Candidate("D", d, ("B",), priority=1),
        )
    assert report.outcome.landed == ("B", "D")
    assert clashes(report) == {"A": ("B", ("README.md",))}
    assert report.outcome.held == (Held(task="C", by="A"),)
