"""One batch from its order to what is said of it: who is guilty, who only stood beside, what has landed."""

from pathlib import Path

from plait.agent_tasks.verifying import not_run
from plait.plans.tasks.outcomes import BatchState, Held
from plait.workspace.verification import Verification
from tests.agent_tasks.batches import PLAN, TIP, batch
from tests.conftest import BranchWith
from tests.flows.opened import opened
from tests.support.repositories import files_of, git


def test_a_branch_that_conflicts_only_with_a_rejected_one_waits_for_the_next_batch(
    repository: Path, branch_with: BranchWith
) -> None:
    bad = branch_with("bad", {"README.md": "bad\n", "bad.txt": "red\n"})
    good = branch_with("good", {"README.md": "good\n"})
    with opened(PLAN, repository) as session:
        first = batch(session, {"BAD": bad, "GOOD": good})
        second = batch(session, {"GOOD": good})

    assert [(one.task, one.kind) for one in first.outcome.rejected] == [("BAD", "fails-alone")]
    assert [one.task for one in first.rework] == ["BAD"]
    assert (first.outcome.landed, first.outcome.held) == ((), ())
    assert second.outcome.landed == ("GOOD",)
    assert files_of(repository, TIP)["README.md"] == "good"


def test_a_conflict_with_what_lands_is_told_with_that_partner(repository: Path, branch_with: BranchWith) -> None:
    bad = branch_with("bad", {"README.md": "bad\n", "bad.txt": "red\n"})
    lands = branch_with("lands", {"docs/guide.md": "one\n"})
    clashes = branch_with("clashes", {"README.md": "good\n", "docs/guide.md": "two\n"})
    with opened(PLAN, repository) as session:
        report = batch(session, {"BAD": bad, "LANDS": lands, "CLASHES": clashes})

    told = {one.task: (one.kind, one.partner, one.files) for one in report.outcome.rejected}
    assert told == {"CLASHES": ("conflict", "LANDS", ("docs/guide.md",)), "BAD": ("fails-alone", None, ())}
    assert (report.outcome.landed, report.outcome.state) == (("LANDS",), BatchState.PART_LANDED)
    assert (report.rework[0].task, report.rework[0].partner_commit) == ("CLASHES", lands)
    assert "<<<<<<< LANDS" in report.rework[0].reason


def test_a_conflict_with_the_feature_branch_alone_has_no_partner(repository: Path, branch_with: BranchWith) -> None:
    git(repository, "branch", TIP, branch_with("landed", {"README.md": "landed\n"}))
    with opened(PLAN, repository) as session:
        report = batch(session, {"CLASHES": branch_with("clashes", {"README.md": "clashes\n"})})

    assert [(one.task, one.kind, one.partner) for one in report.outcome.rejected] == [("CLASHES", "conflict", None)]
    assert report.rework[0].partner_commit is None
    assert "<<<<<<< the feature branch" in report.rework[0].reason


def test_a_branch_inside_another_one_lands_with_it(repository: Path, branch_with: BranchWith) -> None:
    inside = branch_with("inside", {"inside.txt": "x\n"})
    around = branch_with("around", {"around.txt": "x\n"}, start="inside")
    with opened(PLAN, repository) as session:
        report = batch(session, {"AROUND": around, "INSIDE": inside})

    assert (report.outcome.landed, report.outcome.state) == (("AROUND", "INSIDE"), BatchState.LANDED)


def test_a_feature_branch_that_somebody_has_checked_out_is_landed_by_hand(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    git(repository, "worktree", "add", "--quiet", "-b", TIP, str(tmp_path / "checkout"), "main")
    before = git(repository, "rev-parse", TIP)
    with opened(PLAN, repository) as session:
        report = batch(session, {"A": branch_with("a", {"a.txt": "x\n"})})

    assert (report.outcome.state, report.tip) == (BatchState.READY_TO_LAND, before)
    assert report.land_by_hand is not None
    assert report.land_by_hand in (report.outcome.reason or "")
    assert git(repository, "rev-parse", TIP) == before


def test_what_needs_a_rejected_branch_is_held_whatever_it_conflicts_with(
    repository: Path, branch_with: BranchWith
) -> None:
    lands = branch_with("lands", {"README.md": "lands\n"})
    bad = branch_with("bad", {"bad.txt": "red\n"})
    rests = branch_with("rests", {"README.md": "rests\n"}, start="bad")
    with opened(PLAN, repository) as session:
        report = batch(session, {"LANDS": lands, "BAD": bad, "RESTS": rests}, needs={"RESTS": ("BAD",)})

    assert [(one.task, one.kind) for one in report.outcome.rejected] == [("BAD", "fails-alone")]
    assert report.outcome.held == (Held(task="RESTS", by="BAD"),)
    assert report.outcome.landed == ("LANDS",)


def test_what_needs_a_branch_that_waits_waits_with_it(repository: Path, branch_with: BranchWith) -> None:
    bad = branch_with("bad", {"README.md": "bad\n", "bad.txt": "red\n"})
    good = branch_with("good", {"README.md": "good\n"})
    rests = branch_with("rests", {"x.txt": "x\n"}, start="good")
    with opened(PLAN, repository) as session:
        report = batch(session, {"BAD": bad, "GOOD": good, "RESTS": rests}, needs={"RESTS": ("GOOD",)})

    assert [one.task for one in report.outcome.rejected] == ["BAD"]
    assert report.outcome.held == ()


def test_what_had_landed_before_and_a_rejection_make_a_part(repository: Path, branch_with: BranchWith) -> None:
    there = branch_with("there", {"docs/guide.md": "one\n"})
    clashes = branch_with("clashes", {"docs/guide.md": "two\n"})
    git(repository, "branch", TIP, there)
    with opened(PLAN, repository) as session:
        report = batch(session, {"THERE": there, "CLASHES": clashes})

    assert (report.outcome.landed, report.outcome.state) == (("THERE",), BatchState.PART_LANDED)
    assert [one.task for one in report.outcome.rejected] == ["CLASHES"]


def test_trouble_before_any_command_names_none() -> None:
    assert not_run(Verification("0" * 40, "infrastructure", tail="no such tree")).startswith("the verification could")


def test_what_needs_a_conflicting_branch_is_held_also_where_the_rest_was_searched(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {
        "LANDS": branch_with("lands", {"README.md": "lands\n"}),
        "CLASHES": branch_with("clashes", {"README.md": "clashes\n"}),
        "RESTS": branch_with("rests", {"rests.txt": "x\n"}, start="clashes"),
        "ABOVE": branch_with("above", {"above.txt": "x\n"}, start="lands"),
        "BAD": branch_with("bad", {"bad.txt": "red\n"}),
    }
    with opened(PLAN, repository) as session:
        report = batch(session, tips, needs={"RESTS": ("CLASHES",)})

    assert {one.task for one in report.outcome.rejected} == {"CLASHES", "BAD"}
    assert report.outcome.held == (Held(task="RESTS", by="CLASHES"),)
    assert report.outcome.landed == ("LANDS", "ABOVE")


RULES = """
    feature: shop
    tasks:
      - {id: A, run: "true"}
    integration:
      verify: [test ! -f bad.txt, "! grep -qx B README.md || ! grep -qx A README.md"]
      merge: [{paths: [docs/**, README.md], way: union}]
"""


def test_a_conflict_that_a_rule_settles_lands_and_is_named(repository: Path, branch_with: BranchWith) -> None:
    before = files_of(repository, "main")["docs/guide.md"]
    tips = {name: branch_with(name, {"docs/guide.md": f"{before}\n{name}\n"}) for name in ("A", "B", "C")}
    with opened(RULES, repository) as session:
        report = batch(session, tips)

    assert report.outcome.landed == ("A", "B", "C")
    assert [(file.task, file.path, file.by) for file in report.outcome.settled] == [
        ("B", "docs/guide.md", "union"),
        ("C", "docs/guide.md", "union"),
    ]
    assert files_of(repository, TIP)["docs/guide.md"] == f"{before}\nA\nB\nC"
    assert "Plait-Settled: docs/guide.md (union)" in git(repository, "log", "-1", "--format=%B", TIP)


def test_a_settled_merge_that_is_red_hands_the_later_branch_back(repository: Path, branch_with: BranchWith) -> None:
    before = files_of(repository, "main")["README.md"]
    tips = {name: branch_with(name, {"README.md": f"{before}\n{name}\n"}) for name in ("A", "B", "C")}
    with opened(RULES, repository) as session:
        report = batch(session, tips)

    assert [(no.task, no.kind, no.partner) for no in report.outcome.rejected] == [("B", "pair", "A")]
    assert report.rework[0].partner_commit == tips["A"]
    assert report.outcome.landed == ("A", "C")
    assert [(file.task, file.path) for file in report.outcome.settled] == [("C", "README.md")]
    assert files_of(repository, TIP)["README.md"] == f"{before}\nA\nC"


def test_a_conflict_says_which_presets_would_have_settled_it(repository: Path, branch_with: BranchWith) -> None:
    tips = {name: branch_with(name, {"CHANGES.md": f"- {name}\n"}) for name in ("A", "B")}
    tips["C"] = branch_with("C", {"CHANGES.md": "- C\n", "README.md": "C\n"})
    tips["D"] = branch_with("D", {"README.md": "D\n"})
    with opened(PLAN, repository) as session:
        report = batch(session, {"D": tips["D"], "A": tips["A"], "B": tips["B"], "C": tips["C"]})

    assert {no.task: no.presets for no in report.outcome.rejected} == {"B": ("changelogs",), "C": ()}


def test_a_branch_of_another_history_is_rejected_by_itself_and_no_agent_is_asked(
    repository: Path, branch_with: BranchWith
) -> None:
    apart = git(repository, "commit-tree", "-m", "elsewhere", git(repository, "rev-parse", "main^{tree}"))
    good = branch_with("good", {"a.txt": "x\n"})
    also = branch_with("also", {"a.txt": "y\n"})
    with opened(PLAN, repository) as session:
        report = batch(session, {"APART": apart, "GOOD": good, "ALSO": also})

    told = {one.task: (one.kind, one.partner) for one in report.outcome.rejected}
    assert told == {"APART": ("unrelated", None), "ALSO": ("conflict", "GOOD")}
    assert "APART and the feature branch have no history in common" in report.rework[0].reason
    assert (report.outcome.landed, report.outcome.state) == (("GOOD",), BatchState.PART_LANDED)


def test_a_feature_branch_with_another_history_in_its_place_is_no_fault_of_the_branches(
    repository: Path, branch_with: BranchWith
) -> None:
    other = git(repository, "commit-tree", "-m", "elsewhere", git(repository, "rev-parse", "main^{tree}"))
    git(repository, "branch", TIP, other)
    with opened(PLAN, repository) as session:
        report = batch(session, {"GOOD": branch_with("good", {"a.txt": "x\n"})})

    assert (report.outcome.state, report.outcome.rejected) == (BatchState.INFRASTRUCTURE, ())
    assert "has no history in common with base any more" in (report.outcome.reason or "")


def test_where_the_users_files_ignore_case_two_spellings_of_a_name_are_a_conflict(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {"A": branch_with("a", {"docs/FOO.txt": "x\n"}), "B": branch_with("b", {"docs/Foo.txt": "y\n"})}
    git(repository, "config", "core.ignoreCase", "true")
    with opened(PLAN, repository) as session:
        report = batch(session, tips)

    told = [(one.task, one.kind, one.partner, one.files) for one in report.outcome.rejected]
    assert told == [("B", "conflict", "A", ("docs/Foo.txt", "docs/FOO.txt"))]
    assert "are one file on some machines" in report.rework[0].reason


def test_where_case_tells_files_apart_both_spellings_land(repository: Path, branch_with: BranchWith) -> None:
    tips = {"A": branch_with("a", {"FOO.txt": "x\n"}), "B": branch_with("b", {"Foo.txt": "y\n"})}
    with opened(PLAN, repository) as session:
        report = batch(session, tips)

    assert report.outcome.landed == ("A", "B")
