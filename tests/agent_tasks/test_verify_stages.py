"""What is told of the stages of a batch's verification, and which of them run."""

from pathlib import Path

from tests.agent_tasks.batches import TIP, batch
from tests.conftest import BranchWith
from tests.flows.opened import opened
from tests.support.repositories import git

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      verify:
        syntax: test -f README.md
        tests: |
          if test -f bad.txt; then echo 'FAILED tests/a.py::test_b - bad'; exit 1; fi
        security: test ! -f leak.txt
"""


def test_a_batch_that_lands_tells_the_stages_of_its_tree(repository: Path, branch_with: BranchWith) -> None:
    with opened(PLAN, repository) as session:
        report = batch(session, {"A": branch_with("a", {"a.txt": "x\n"})})
        logs = session.shop.directory / "verifications"
        assert [(stage.name, stage.verdict) for stage in report.outcome.stages] == [
            ("syntax", "green"),
            ("tests", "green"),
            ("security", "green"),
        ]
        assert all((logs / (stage.log or "")).is_file() for stage in report.outcome.stages)


def test_a_red_batch_tells_which_stage_and_which_tests(repository: Path, branch_with: BranchWith) -> None:
    with opened(PLAN, repository) as session:
        report = batch(session, {"BAD": branch_with("bad", {"bad.txt": "red\n"})})

    assert [(no.task, no.kind) for no in report.outcome.rejected] == [("BAD", "fails-alone")]
    assert [stage.verdict for stage in report.outcome.stages] == ["green", "red", "not-reached"]
    assert report.outcome.stages[1].failing == ("tests/a.py::test_b",)


BY_PATHS = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      verify:
        - {stage: pages, run: test ! -f docs/bad.txt, paths: [docs/]}
        - {stage: tests, run: test ! -f bad.txt, paths: ["*.txt", src/]}
"""


def test_a_batch_runs_only_the_stages_that_it_affects_since_the_last_landed_tree(
    repository: Path, branch_with: BranchWith
) -> None:
    with opened(BY_PATHS, repository) as session:
        first = batch(session, {"A": branch_with("a", {"a.txt": "x\n"})})
        second = batch(session, {"B": branch_with("b", {"docs/b.md": "x\n"}, start="a")})
        bad = batch(session, {"C": branch_with("c", {"docs/bad.txt": "x\n"}, start="b")})

    assert [stage.verdict for stage in first.outcome.stages] == ["unaffected", "green"]
    assert [stage.verdict for stage in second.outcome.stages] == ["green", "unaffected"]
    assert [stage.verdict for stage in bad.outcome.stages] == ["red", "not-reached"]
    assert [(no.task, no.kind) for no in bad.outcome.rejected] == [("C", "fails-alone")]


def test_what_somebody_pushed_since_the_last_landing_affects_the_next_batch(
    repository: Path, branch_with: BranchWith
) -> None:
    """Or a landing would say `Verified: yes` of a tree of which nobody has seen a part."""
    a = branch_with("a", {"a.txt": "x\n"})
    with opened(BY_PATHS, repository) as session:
        batch(session, {"A": a})
        pushed = branch_with("pushed", {"bad.txt": "red\n"}, start=TIP)
        git(repository, "update-ref", f"refs/heads/{TIP}", pushed)
        report = batch(session, {"B": branch_with("b", {"docs/b.md": "x\n"})})

    assert report.outcome.landed == ()
    assert [no.kind for no in report.outcome.rejected] == ["base-red"]
    assert git(repository, "rev-parse", TIP) == pushed
