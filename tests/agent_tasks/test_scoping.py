"""At integration a branch is held against what it may change, whoever committed to it; weakened tests are told."""

from pathlib import Path

from plait.plans.tasks.outcomes import BatchState, Held, WeakenedTest
from plait.plans.tasks.work import BatchReport, Candidate
from tests.agent_tasks.batches import PLAN, TIP, batch_of
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.repositories import files_of, git


def told(report: BatchReport) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(no.task, no.kind, no.files) for no in report.outcome.rejected]


def test_what_a_foreign_commit_changed_outside_is_refused_and_the_rest_lands(
    repository: Path, branch_with: BranchWith
) -> None:
    branch_with("a", {"src/a.py": "1\n"})
    a = branch_with("foreign", {"README.md": "mine\n"}, start="a")
    b = branch_with("b", {"src/b.py": "1\n"}, start="foreign")
    c = branch_with("c", {"src/c.py": "1\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(
            session,
            Candidate("A", a, (), owns=("src/**",)),
            Candidate("B", b, ("A",), owns=("src/**",)),
            Candidate("C", c, (), owns=("src/**",)),
        )

    assert told(report) == [("A", "out-of-scope", ("README.md",))]
    assert report.outcome.rejected[0].reason == "it changed what it does not own: README.md"
    assert [work.task for work in report.rework] == ["A"]
    assert report.outcome.held == (Held(task="B", by="A"),)
    assert (report.outcome.landed, report.outcome.state) == (("C",), BatchState.PART_LANDED)
    assert set(files_of(repository, TIP)) & {"src/a.py", "src/b.py", "src/c.py"} == {"src/c.py"}


def test_a_protected_path_is_refused_with_the_entry_that_would_allow_it(
    repository: Path, branch_with: BranchWith
) -> None:
    tip = branch_with("a", {".github/workflows/x.yml": "on: push\n", "src/a.py": "1\n"})
    with opened(PLAN, repository) as session:
        refused = batch_of(session, Candidate("A", tip, (), owns=("**",)))
        person = batch_of(session, Candidate("A", tip, (), owns=("**",), asked="protected"))
        allowed = batch_of(session, Candidate("A", tip, (), owns=("src/**", ".github/workflows/x.yml")))

    assert told(refused) == told(person) == [("A", "out-of-scope", (".github/workflows/x.yml",))]
    assert 'add ".github/workflows/x.yml" to the owns of A' in refused.outcome.rejected[0].reason
    assert refused.outcome.state is BatchState.REJECTED
    assert allowed.outcome.landed == ("A",)


def test_a_person_is_not_asked_for_what_the_task_owns(repository: Path, branch_with: BranchWith) -> None:
    tip = branch_with("a", {"README.md": "1\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", tip, (), owns=("src/**",), asked="protected"))
    assert report.outcome.landed == ("A",)


def test_a_persons_repair_above_what_plait_committed_is_asked_for_what_is_protected_alone(
    repository: Path, branch_with: BranchWith
) -> None:
    with opened(PLAN, repository) as session:
        store, main = session.shop.control.store, git(repository, "rev-parse", "main")
        tree = store.tree_of(branch_with("a", {"src/a.py": "1\n"}))
        made = store.commit_tree(tree, (main,), "work", date=DATE)
        session.shop.control.set_ref("refs/heads/work", made, reason="as plait does it")
        fine = branch_with("fine", {"README.md": "by hand\n"}, start="work")
        not_so = branch_with("not-so", {".envrc": "x\n"}, start="work")
        refused = batch_of(session, Candidate("A", not_so, (), owns=("src/**",)))
        report = batch_of(session, Candidate("A", fine, (), owns=("src/**",)))
    assert told(refused) == [("A", "out-of-scope", (".envrc",))]
    assert report.outcome.landed == ("A",)


def test_what_came_with_its_start_is_not_its_change(repository: Path, branch_with: BranchWith) -> None:
    outside = branch_with("outside", {"README.md": "theirs\n"})
    tip = branch_with("b", {"src/b.py": "1\n"}, start="outside")
    with opened(PLAN, repository) as session:
        refused = batch_of(session, Candidate("B", tip, (), owns=("src/**",)))
        report = batch_of(session, Candidate("B", tip, (), owns=("src/**",), grounds=(outside,), carries=("OUTSIDE",)))
    assert told(refused) == [("B", "out-of-scope", ("README.md",))]
    assert report.outcome.landed == ("B",)


def test_a_change_that_was_taken_back_is_none(repository: Path, branch_with: BranchWith) -> None:
    before = files_of(repository, "main")["README.md"] + "\n"
    branch_with("slip", {"README.md": "slip\n", "src/a.py": "1\n"})
    tip = branch_with("a", {"README.md": before}, start="slip")
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", tip, (), owns=("src/**",)))
    assert report.outcome.landed == ("A",)


def test_the_phase_of_what_was_refused_waits(repository: Path, branch_with: BranchWith) -> None:
    a, b = branch_with("a", {"README.md": "1\n"}), branch_with("b", {"src/b.py": "1\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("A", a, (), owns=("src/**",)), Candidate("B", b, ()), groups=(("A", "B"),))
    assert told(report) == [("A", "out-of-scope", ("README.md",))]
    assert report.outcome.held == (Held(task="B", by="A"),)
    assert report.outcome.landed == ()
    assert git(repository, "branch", "--list", TIP) == ""


def test_tests_that_were_weakened_land_and_are_told(repository: Path, branch_with: BranchWith) -> None:
    skipped = "import pytest\nfrom app import total\n\n\n@pytest.mark.skip\ndef test_total():\n    pass\n"
    weak, fine = branch_with("weak", {"tests/test_app.py": skipped}), branch_with("fine", {"tests/test_b.py": "x\n"})
    with opened(PLAN, repository) as session:
        report = batch_of(session, Candidate("WEAK", weak, ()), Candidate("FINE", fine, ()))
    assert report.outcome.state is BatchState.LANDED
    assert report.outcome.weakened == (
        WeakenedTest(task="WEAK", path="tests/test_app.py", line=5, what="a skip was added"),
        WeakenedTest(task="WEAK", path="tests/test_app.py", line=5, what="1 assertion fewer"),
    )


def test_a_branch_of_another_history_is_told_as_that_and_not_by_its_files(
    repository: Path, branch_with: BranchWith
) -> None:
    apart = git(repository, "commit-tree", "-m", "elsewhere", git(repository, "rev-parse", "main^{tree}"))
    with opened(PLAN, repository) as session:
        report = batch_of(
            session,
            Candidate("A", apart, (), owns=("src/**",)),
            Candidate("B", branch_with("b", {"src/b.py": "1\n"}), (), owns=("src/**",)),
        )

    assert told(report) == [("A", "unrelated", ())]
    assert [work.kind for work in report.rework] == ["unrelated"]
    assert report.outcome.landed == ("B",)
