"""`integration.base: new-failures`: what was red before does not count, and is told where something lands on it."""

from pathlib import Path

import pytest

from plait.agent_tasks.base_check import verify_base
from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.integrate import integrate
from plait.flows.running.session import Session
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BaseOrder, BatchOrder, BatchReport, Candidate
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import commit_files, files_of, git

TIP = "feature/shop/integration"
PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      base: new-failures
      verify: [{stage: lint, run: 'test ! -f lint.txt'}, {stage: tests, run: 'sh tests.sh'}, 'test ! -f bad.txt']
"""


def script_failing(*names: str) -> str:
    return "".join(f"echo 'FAILED tests.py::{name} - no'\n" for name in names) + f"exit {min(len(names), 1)}\n"


def batch(session: Session, number: int = 1, **tips: str) -> BatchReport:
    branches = tuple(Candidate(task, tip, ()) for task, tip in tips.items())
    order = BatchOrder(f"batch-{number}", session.shop.run_id, branches, DATE)
    with patience(20):
        return integrate.fn(order, session.shop.facts)


def test_what_is_no_worse_than_base_lands_and_says_so_and_who_adds_a_failure_is_rejected(
    repository: Path, branch_with: BranchWith
) -> None:
    commit_files(repository, {"lint.txt": "x\n", "tests.sh": script_failing("old", "older")})
    same = branch_with("same", {"same.txt": "x\n"})
    mends = branch_with("mends", {"tests.sh": script_failing("old")})
    hidden = branch_with("hidden", {"bad.txt": "behind what is red already\n"})
    with opened(PLAN, repository) as session:
        told = verify_base.fn(BaseOrder(git(repository, "rev-parse", "HEAD")), session.shop.facts)
        report = batch(session, SAME=same, MENDS=mends, HIDDEN=hidden)
        again = batch(session, 2, BREAKS=branch_with("breaks", {"tests.sh": script_failing("old", "older")}, TIP))

    assert (told.state, "(and 1 command more)" in told.reason) == ("red", True)
    assert [(no.task, no.kind) for no in report.outcome.rejected] == [("HIDDEN", "fails-alone")]
    assert report.outcome.landed == ("SAME", "MENDS")
    assert report.outcome.red_on_base == ("`test ! -f lint.txt`", "`sh tests.sh` in tests.py::old")
    assert [stage.verdict for stage in report.outcome.stages] == ["red-on-base", "red-on-base", "green"]
    assert "Verified: no new failures" in git(repository, "log", "-1", "--format=%B", report.tip or "")
    # What was mended counts from then on: the feature branch is what the next batch is held against.
    assert [(no.task, no.kind) for no in again.outcome.rejected] == [("BREAKS", "fails-alone")]
    assert "older" in again.rework[0].reason


def test_what_mends_all_of_it_is_verified_as_any_other(repository: Path, branch_with: BranchWith) -> None:
    commit_files(repository, {"tests.sh": script_failing("old")})
    mends = branch_with("mends", {"tests.sh": script_failing()})
    with opened(PLAN, repository) as session:
        report = batch(session, MENDS=mends, MORE=branch_with("more", {"more.txt": "x\n"}))

    assert (report.outcome.state, report.outcome.red_on_base) == (BatchState.LANDED, ())
    assert "Verified: yes" in git(repository, "log", "-1", "--format=%B", report.tip or "")
    assert "tests.sh" in files_of(repository, TIP)


def test_a_batch_of_one_says_so_too(repository: Path, branch_with: BranchWith) -> None:
    commit_files(repository, {"tests.sh": script_failing("old")})
    good = branch_with("good", {"good.txt": "x\n"})
    with opened(PLAN, repository) as session:
        report = batch(session, GOOD=good)

    message = git(repository, "log", "-1", "--format=%B", report.tip or "")
    assert (message.splitlines()[0], message.splitlines()[-1]) == ("Merge GOOD", "Verified: no new failures")
    assert git(repository, "rev-parse", f"{report.tip}^2") == good


def test_trouble_on_base_says_nothing_of_the_branches(repository: Path, branch_with: BranchWith) -> None:
    commit_files(repository, {"tests.sh": "kill -9 $PPID $$\n"})
    with opened(PLAN, repository) as session:
        report = batch(session, GOOD=branch_with("good", {"good.txt": "x\n"}))

    assert (report.outcome.state, report.outcome.rejected) == (BatchState.INFRASTRUCTURE, ())


def test_a_base_that_is_red_once_and_green_when_it_runs_again_is_green_and_says_what_was_red(
    repository: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    plan = PLAN.replace("new-failures", "green")
    plan = plan[: plan.index("verify:")] + f"verify: ['test -f {seen} || {{ touch {seen}; false; }}']\n"
    with opened(plan, repository) as session:
        told = verify_base.fn(BaseOrder(git(repository, "rev-parse", "HEAD")), session.shop.facts)

    assert told.state == "green"
    assert "failed" in told.reason


def test_a_check_of_base_that_the_end_of_the_run_cuts_short_says_so_and_nothing_of_base(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        session.shop.over.set()
        with pytest.raises(TaskStopped, match="over before the checks were"):
            verify_base.fn(BaseOrder(git(repository, "rev-parse", "HEAD")), session.shop.facts)
