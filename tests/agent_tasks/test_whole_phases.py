"""A batch with parts of phases in it: whole or not at all, and nobody else waits for that."""

from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.agent_tasks.batches import PLAN, TIP, batch
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.repositories import files_of, git


def held(report: BatchReport) -> dict[str, str]:
    return {one.task: one.by for one in report.outcome.held}


def test_a_branch_that_conflicts_without_one_that_waits_keeps_its_own_phase_whole(
    repository: Path, branch_with: BranchWith
) -> None:
    """X changes the guide as C does, on top of what has landed: C merges with X alone, and D may not land without C."""
    landed = branch_with("landed", {"docs/guide.md": "two\n"})
    git(repository, "branch", TIP, landed)
    tips = {
        "X": branch_with("x", {"docs/guide.md": "three\n"}, start="landed"),
        "BAD": branch_with("bad", {"bad.txt": "red\n"}),
        "C": branch_with("c", {"docs/guide.md": "three\n", "c.txt": "c\n"}),
        "D": branch_with("d", {"d.txt": "d\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("X", "BAD"), ("C", "D")])

    assert [one.task for one in report.outcome.rejected] == ["BAD"]
    assert report.outcome.landed == ()
    assert set(held(report)) == {"X", "C", "D"}
    assert git(repository, "rev-parse", TIP) == landed


def test_a_branch_that_conflicts_with_one_that_waits_for_its_phase_is_not_guilty(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n"}),
        "BAD": branch_with("bad", {"bad.txt": "red\n"}),
        "OTHER": branch_with("other", {"README.md": "other\n"}),
    }
    with opened(PLAN, repository) as session:
        first = batch(session, tips, groups=[("A", "BAD")])
        second = batch(session, {"OTHER": tips["OTHER"]}, groups=[("A", "BAD")])

    assert [one.task for one in first.rework] == ["BAD"]
    assert held(first) == {"A": "BAD"}
    assert second.outcome.landed == ("OTHER",)


def test_only_the_mates_of_what_waits_are_repaired_on_top_of_it(repository: Path, branch_with: BranchWith) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n"}),
        "MATE": branch_with("mate", {"README.md": "mate\n"}),
        "BAD": branch_with("bad", {"bad.txt": "red\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "MATE")])

    assert {one.task for one in report.rework} == {"MATE", "BAD"}
    assert report.unlanded is not None
    assert report.unlanded.mates == {"A", "MATE"}
    assert files_of(session.shop.control.store.git_dir, report.unlanded.onto)["README.md"] == "a"


def test_a_phase_of_which_a_task_is_not_in_the_batch_does_not_land(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "ALONE": branch_with("alone", {"alone.txt": "x\n"})}
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "ABSENT")])

    assert (report.outcome.landed, held(report)) == (("ALONE",), {"A": "ABSENT"})


@pytest.mark.parametrize("groups", [[], [("INSIDE", "ABSENT")]])
def test_a_branch_inside_a_rejected_one_has_not_landed(
    repository: Path, branch_with: BranchWith, groups: list[tuple[str, ...]]
) -> None:
    inside = branch_with("inside", {"inside.txt": "x\n"})
    around = branch_with("around", {"bad.txt": "red\n"}, start="inside")
    with opened(PLAN, repository) as session:
        report = batch(session, {"AROUND": around, "INSIDE": inside}, groups=groups)

    assert [one.task for one in report.outcome.rejected] == ["AROUND"]
    assert (report.outcome.landed, report.outcome.state) == ((), BatchState.REJECTED)


def test_parts_of_a_phase_that_are_only_merged_tell_of_their_conflict_and_land_nothing(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n", "bad.txt": "red\n"}),
        "B": branch_with("b", {"README.md": "b\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "B", "C")], merge_only=True)

    assert [(one.task, one.kind, one.partner) for one in report.outcome.rejected] == [("B", "conflict", "A")]
    assert (report.outcome.verifications, report.outcome.landed, held(report)) == (0, (), {"A": "B"})
    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_a_phase_of_which_the_rest_has_landed_lands(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"})}
    with opened(PLAN, repository) as session:
        branches = tuple(Candidate(task, tip, ()) for task, tip in tips.items())
        order = BatchOrder("batch-1", session.shop.run_id, branches, DATE, (("A", "THERE"),), landed=("THERE",))
        report = integrate.fn(order, session.shop.facts)

    assert (report.outcome.landed, report.unlanded) == (("A",), None)


def test_the_mates_of_what_is_held_wait_for_it(repository: Path, branch_with: BranchWith) -> None:
    tips = {
        "FIRST": branch_with("first", {"README.md": "first\n"}),
        "CLASH": branch_with("clash", {"README.md": "clash\n"}),
        "RESTS": branch_with("rests", {"rests.txt": "x\n"}, start="clash"),
        "MATE": branch_with("mate", {"mate.txt": "x\n"}),
        "ABOVE": branch_with("above", {"above.txt": "x\n"}, start="first"),
        "HIGHER": branch_with("higher", {"higher.txt": "x\n"}, start="above"),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("RESTS", "MATE")], needs={"RESTS": ("CLASH",)})

    assert [one.task for one in report.rework] == ["CLASH"]
    assert report.outcome.landed == ("FIRST", "ABOVE", "HIGHER")
    assert held(report) == {"RESTS": "CLASH", "MATE": "RESTS"}


def test_the_mates_of_what_the_search_holds_wait_for_it(repository: Path, branch_with: BranchWith) -> None:
    tips = {
        "BAD": branch_with("bad", {"bad.txt": "red\n"}),
        "RESTS": branch_with("rests", {"rests.txt": "x\n"}, start="bad"),
        "MATE": branch_with("mate", {"mate.txt": "x\n"}),
        "ALONE": branch_with("alone", {"alone.txt": "x\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("RESTS", "MATE")], needs={"RESTS": ("BAD",)})

    assert (report.outcome.landed, held(report)) == (("ALONE",), {"RESTS": "BAD", "MATE": "RESTS"})


def test_the_mates_of_what_no_longer_merges_wait_for_it(repository: Path, branch_with: BranchWith) -> None:
    """X changes the guide as C does, on top of what has landed: without X, which is red, C does not merge."""
    git(repository, "branch", TIP, branch_with("landed", {"docs/guide.md": "two\n"}))
    tips = {
        "X": branch_with("x", {"docs/guide.md": "three\n", "bad.txt": "red\n"}, start="landed"),
        "C": branch_with("c", {"docs/guide.md": "three\n", "c.txt": "c\n"}),
        "MATE": branch_with("mate", {"mate.txt": "x\n"}),
        "ALONE": branch_with("alone", {"alone.txt": "x\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("C", "MATE")])

    assert [one.task for one in report.rework] == ["X"]
    assert (report.outcome.landed, held(report)) == (("ALONE",), {"MATE": "C"})


def test_what_is_red_without_a_part_of_a_phase_waits_with_it(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "NEEDY": branch_with("needy", {"needy.txt": "x\n"})}
    text = PLAN.replace("test ! -f bad.txt", "test ! -f needy.txt || test -f a.txt")
    with opened(text, repository) as session:
        report = batch(session, tips, groups=[("A", "ABSENT")])

    assert (report.outcome.landed, report.outcome.rejected) == ((), ())
    assert held(report) == {"A": "ABSENT", "NEEDY": "ABSENT"}
    assert report.outcome.verifications > 2
    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_the_rest_is_verified_without_what_waits(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "ALONE": branch_with("alone", {"alone.txt": "x\n"})}
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "ABSENT")])

    assert (report.outcome.landed, report.outcome.verifications) == (("ALONE",), 2)
    assert report.outcome.state is BatchState.PART_LANDED
    assert report.unlanded is not None
    assert (report.unlanded.tasks, report.unlanded.mates) == (("A",), {"A", "ABSENT"})
    assert {"a.txt", "alone.txt"} <= set(files_of(session.shop.control.store.git_dir, report.unlanded.onto))
    assert "a.txt" not in files_of(repository, TIP)


def test_the_rest_is_unverified_where_only_what_waits_brought_something_to_verify_with(
    repository: Path, branch_with: BranchWith
) -> None:
    text = """
        feature: shop
        goal: Sell things.
        contracts: [{id: api, status: approved, files: [README.md], tests: ["true"], fulfilled_by: [A]}]
        tasks:
          - {id: A, run: "true", needs: [{contract: api}]}
    """
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "ALONE": branch_with("alone", {"alone.txt": "x\n"})}
    with opened(text, repository) as session:
        report = batch(session, tips, groups=[("A", "ABSENT")])

    assert (report.outcome.landed, report.outcome.verifications) == (("ALONE",), 1)
    assert not report.outcome.verified


def test_nothing_is_verified_again_where_all_of_it_waits(repository: Path, branch_with: BranchWith) -> None:
    with opened(PLAN, repository) as session:
        report = batch(session, {"A": branch_with("a", {"a.txt": "a\n"})}, groups=[("A", "ABSENT")])

    assert (report.outcome.landed, report.outcome.verifications) == ((), 1)
    assert (held(report), report.outcome.state) == ({"A": "ABSENT"}, BatchState.REJECTED)


PAIR = PLAN.replace("test ! -f bad.txt", "test ! -f a.txt || test ! -f other.txt")


def test_what_fails_only_together_with_a_part_of_a_phase_that_waits_is_not_guilty(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "OTHER": branch_with("other", {"other.txt": "x\n"})}
    with opened(PAIR, repository) as session:
        first = batch(session, tips, groups=[("A", "ABSENT")])
        second = batch(session, {"OTHER": tips["OTHER"]}, groups=[("A", "ABSENT")])

    assert (first.outcome.rejected, first.rework, held(first)) == ((), (), {"A": "ABSENT"})
    assert second.outcome.landed == ("OTHER",)


def test_what_fails_only_together_with_its_own_phase_is_guilty(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"a.txt": "a\n"}), "OTHER": branch_with("other", {"other.txt": "x\n"})}
    with opened(PAIR, repository) as session:
        report = batch(session, tips, groups=[("A", "OTHER")])

    assert [(one.task, one.kind, one.partner) for one in report.outcome.rejected] == [("OTHER", "pair", "A")]
    assert held(report) == {"A": "OTHER"}


def test_what_conflicts_with_what_lands_as_well_is_told_with_that_partner(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n"}),
        "LANDS": branch_with("lands", {"docs/guide.md": "lands\n"}),
        "BOTH": branch_with("both", {"README.md": "both\n", "docs/guide.md": "both\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "ABSENT")])

    told = [(one.task, one.partner, one.files) for one in report.outcome.rejected]
    assert told == [("BOTH", "LANDS", ("docs/guide.md",))]
    assert report.outcome.landed == ("LANDS",)


def test_what_conflicts_with_its_own_phase_and_with_what_lands_is_told_once(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {
        "A": branch_with("a", {"README.md": "a\n"}),
        "LANDS": branch_with("lands", {"docs/guide.md": "lands\n"}),
        "MATE": branch_with("mate", {"README.md": "both\n", "docs/guide.md": "both\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, groups=[("A", "MATE")])

    assert [(one.task, one.partner) for one in report.outcome.rejected] == [("MATE", "A")]
    assert report.outcome.landed == ("LANDS",)
