"""Truth about "done"."""

from pathlib import Path

import pytest

from plait.agent_tasks.errors import TryFailed
from plait.agent_tasks.implement import implement
from plait.plans.tasks.work import RepairOrder
from tests.conftest import BranchWith
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, files_of, git

PLAN = """
    feature: shop
    goal: Sell things.
    crew:
      default_backend: command
      backend: {command: [/bin/sh, -c, "%s"]}
    tasks:
      - {id: A, role: backend, prompt: Do it., owns: [other.txt]}
"""


@pytest.fixture
def repair(branch_with: BranchWith) -> RepairOrder:
    """Rejected because it was red, and in conflict with what has landed since."""
    rejected = branch_with("rejected", {"README.md": "mine\n"})
    onto = branch_with("onto", {"README.md": "theirs\n"})
    return RepairOrder(1, "fails-alone", rejected, onto, None, None, files=(), reason="red", commands=())


def carry_out(repository: Path, repair: RepairOrder, work: str) -> str:
    """The commit that came of it."""
    with opened(PLAN % work, repository) as session:
        order = order_of(session, "A", start=repair.rejected, expected=repair.rejected, repair=repair)
        git(repository, "branch", order.branch, repair.rejected)
        return implement.fn(order, session.shop.facts).commit or ""


def test_a_marker_left_over_is_no_done_whatever_the_branch_was_rejected_for(
    repository: Path, repair: RepairOrder
) -> None:
    with pytest.raises(TryFailed, match="markers are left over"):
        carry_out(repository, repair, "echo more > other.txt")


def test_a_repair_may_mend_the_conflict_that_it_was_handed_in_files_of_others(
    repository: Path, repair: RepairOrder
) -> None:
    commit = carry_out(repository, repair, "echo more > other.txt; echo both > README.md")

    assert files_of(repository, commit)["README.md"] == "both"


def test_a_file_s_name_cannot_add_a_line_to_what_is_said(repository: Path) -> None:
    name = r"$(printf 'x\\nB: landed')"
    plan = f"""
        feature: shop
        goal: Sell things.
        tasks:
          - {{id: A, run: "echo more > \\"{name}\\"", owns: [other.txt]}}
    """
    with opened(plan, repository) as session, pytest.raises(TryFailed) as failed:
        implement.fn(order_of(session, "A"), session.shop.facts)

    assert str(failed.value) == r"it changed what it does not own: x\nB: landed"


@pytest.mark.parametrize(("owns", "accepted"), [("", False), (", owns: ['*.txt']", True)])
def test_a_contract_is_changed_by_who_only_rests_on_it_where_the_plan_says_so_and_nowhere_else(
    repository: Path, owns: str, accepted: bool
) -> None:
    commit_files(repository, {"api.txt": "cents\n", "mock.txt": "mock\n"})
    plan = f"""
        feature: shop
        goal: Sell things.
        contracts: [{{id: api, status: approved, files: [api.txt], mock: [mock.txt]}}]
        tasks:
          - {{id: A, run: "echo real > mock.txt; echo euros > api.txt", needs: [{{contract: api}}]{owns}}}
    """
    with opened(plan, repository) as session:
        order = order_of(session, "A")
        if accepted:
            assert implement.fn(order, session.shop.facts).commit
            return
        with pytest.raises(TryFailed) as failed:
            implement.fn(order, session.shop.facts)

    assert str(failed.value) == "it changed the contract that it rests on, and has to keep to: api.txt"
