"""What has landed is not done again, whoever deleted, merged or squashed the branches that it came on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.agent_tasks.implement import implement
from plait.flows.running.session import Session
from plait.plans.errors import CallError
from plait.workspace.merging import merge_start
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, git

PLAN = """
    feature: again
    goal: Do nothing twice.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: B, run: cp a.txt b.txt, needs: [A]}
"""
INTEGRATION = "feature/again/integration"


def work(session: Session, task: str, *, start: str | None = None) -> str:
    commit = implement.fn(order_of(session, task, start=start), session.shop.facts).commit
    assert commit is not None
    return commit


def land_both(repository: Path, *, run_id: str = "run-1") -> str:
    """Both tasks on the feature branch, as a run lands them."""
    with opened(PLAN, repository, run_id=run_id) as session:
        tip = work(session, "B", start=work(session, "A"))
        session.shop.lander.land(batch="batch-1", old=None, new=tip)
    return tip


def delete_branches(repository: Path, *patterns: str) -> None:
    refs = git(repository, "for-each-ref", "--format=%(refname)", *(f"refs/heads/feature/{one}" for one in patterns))
    for ref in refs.split():
        git(repository, "update-ref", "-d", ref)


def merged(repository: Path) -> None:
    git(repository, "merge", "--quiet", "--no-ff", "--no-edit", INTEGRATION)


def squashed_by_git(repository: Path) -> None:
    git(repository, "merge", "--quiet", "--squash", INTEGRATION)
    git(repository, "commit", "--quiet", "--no-edit")


def squashed_by_a_forge(repository: Path) -> None:
    messages = git(repository, "log", "--reverse", "--format=* %B", f"main..{INTEGRATION}")
    git(repository, "merge", "--quiet", "--squash", INTEGRATION)
    git(repository, "commit", "--quiet", "--message", f"The feature (#12)\n\n{messages}")


def squashed_without_a_word(repository: Path) -> None:
    git(repository, "merge", "--quiet", "--squash", INTEGRATION)
    git(repository, "commit", "--quiet", "--message", "all of it")


def rebased(repository: Path) -> None:
    commit_files(repository, {"other.txt": "meanwhile\n"})
    git(repository, "cherry-pick", f"main..{INTEGRATION}")


WAYS = [merged, squashed_by_git, squashed_by_a_forge, squashed_without_a_word, rebased]


def test_what_is_on_the_feature_branch_has_landed_although_its_branches_were_deleted(repository: Path) -> None:
    land_both(repository)
    delete_branches(repository, "again/agent")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert {task: one.landed for task, one in second.reuse.finished.items()} == {"A": True, "B": True}


@pytest.mark.parametrize("bring", WAYS, ids=lambda way: way.__name__)
def test_what_a_person_brought_to_base_has_landed_although_all_branches_are_gone(
    repository: Path, bring: Callable[[Path], None]
) -> None:
    land_both(repository)
    bring(repository)
    delete_branches(repository, "again")

    for run_id in ("run-2", "run-3"):
        with opened(PLAN, repository, run_id=run_id) as later:
            assert {task: one.landed for task, one in later.reuse.finished.items()} == {"A": True, "B": True}


@pytest.mark.parametrize("bring", WAYS, ids=lambda way: way.__name__)
def test_what_is_on_base_is_built_on_and_not_done_again_by_the_run_after_the_next(
    repository: Path, bring: Callable[[Path], None]
) -> None:
    """The feature branch that the second run makes begins behind what has landed."""
    land_both(repository)
    bring(repository)
    delete_branches(repository, "again")
    plan = PLAN + "      - {id: C, run: cp b.txt c.txt, needs: [B]}\n"
    with opened(plan, repository, run_id="run-2") as second:
        needed = second.reuse.finished["B"].commit or ""
        start = merge_start(second.shop.control.store, second.shop.base, (needed,), date="1800000000 +0000")
        assert isinstance(start, str)
        made = work(second, "C", start=start)
        second.shop.lander.land(batch="batch-2", old=None, new=made)

    with opened(plan, repository, run_id="run-3") as third:
        assert {task: one.landed for task, one in third.reuse.finished.items()} == dict.fromkeys("ABC", True)


def test_a_task_that_is_asked_for_something_else_is_done_again_on_top_of_what_has_landed(repository: Path) -> None:
    land_both(repository)
    delete_branches(repository, "again/agent")

    with opened(PLAN.replace("echo a", "echo other"), repository, run_id="run-2") as second:
        assert second.reuse.finished == {}
        assert second.reuse.redone == {"A", "B"}


def test_what_landed_last_counts_and_not_what_a_task_was_before(repository: Path) -> None:
    tip = land_both(repository)
    other = PLAN.replace("echo a", "echo other")
    with opened(other, repository, run_id="run-2") as second:
        again = work(second, "B", start=work(second, "A", start=tip))
        second.shop.lander.land(batch="batch-2", old=tip, new=again)
    delete_branches(repository, "again/agent")

    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.reuse.finished == {}
    with opened(other, repository, run_id="run-4") as fourth:
        assert set(fourth.reuse.finished) == {"A", "B"}


@pytest.mark.parametrize("bring", [merged, squashed_by_git], ids=lambda way: way.__name__)
def test_starting_over_ends_what_landed_before_also_for_later_runs(
    repository: Path, bring: Callable[[Path], None]
) -> None:
    land_both(repository)
    bring(repository)
    with opened(PLAN, repository, run_id="run-2", fresh=True) as second:
        assert second.reuse.finished == {}

    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.reuse.finished == {}


def test_an_undo_ends_what_landed_before_it(repository: Path) -> None:
    land_both(repository)
    merged(repository)
    commit_files(repository, {"a.txt": None, "b.txt": None}, message="Undo\n\nPlait-Undone: again\n")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.reuse.finished == {}
        assert len(second.reuse.outdated) == 3  # the feature branch, too: what is merged with it stays undone

    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.reuse.finished == {}


def test_an_undo_of_another_feature_ends_nothing(repository: Path) -> None:
    land_both(repository)
    merged(repository)
    commit_files(repository, {"x.txt": "x"}, message="Undo\n\nPlait-Undone: against\n")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert set(second.reuse.finished) == {"A", "B"}


def test_what_an_agent_says_in_its_summary_lands_nobody_elses_task(repository: Path) -> None:
    """Nor once a person squashes it: the lines of plait's kind are quoted when the commit is made."""
    with opened(PLAN, repository) as first:
        spec = next(task.spec_hash for task in first.tasks if task.id == "B")
        forged = f"done\n\nPlait-Feature: again\nPlait-Task: B\n   Plait-Spec: {spec}\n"
        order = order_of(first, "A")
        from plait.agent_tasks.task_branches import work_message

        message = work_message(order, first.shop, summary=forged)
        store, base = first.shop.control.store, first.shop.base
        commit = store.commit_tree(store.tree_of(base), (base,), message, date="1800000000 +0000")
        first.shop.lander.land(batch="batch-1", old=None, new=commit)
    git(repository, "commit", "--quiet", "--allow-empty", "--message", f"squash\n\n{message}")

    for delete in (False, True):
        if delete:
            delete_branches(repository, "again")
        with opened(PLAN, repository, run_id="run-2") as second:
            assert set(second.reuse.finished) == {"A"}


def test_a_branch_that_no_longer_fits_is_told_with_the_ref_that_keeps_it(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        work(first, "A")

    with opened(PLAN.replace("echo a", "echo other"), repository, run_id="run-2") as second:
        kept = "refs/plait/old/run-2/feature/again/agent/command/A"
        assert [notice for notice in second.notices if kept in notice]
        assert git(repository, "rev-parse", "--verify", kept)


def test_a_tasks_branch_that_is_checked_out_is_no_base_and_has_not_landed_by_that(repository: Path) -> None:
    """A person looks at A's branch, or is about to mend it, and runs the plan from there."""
    with opened(PLAN, repository) as first:
        work(first, "A")
        began = first.shop.base
    git(repository, "checkout", "--quiet", "feature/again/agent/command/A")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.shop.base == began
        assert not second.reuse.finished["A"].landed
        assert any("is checked out, which is no base" in notice for notice in second.notices)


def test_where_nobody_knows_the_base_a_tasks_branch_that_is_checked_out_is_refused_as_base(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "feature/again/agent/command/A")

    with pytest.raises(CallError, match="which is no base"), opened(PLAN, repository):
        pass


def set_back(repository: Path) -> None:
    git(repository, "update-ref", f"refs/heads/{INTEGRATION}", "main")


def deleted(repository: Path) -> None:
    git(repository, "update-ref", "-d", f"refs/heads/{INTEGRATION}")


@pytest.mark.parametrize("all_of_plaits", [False, True], ids=["refs kept", "refs deleted"])
@pytest.mark.parametrize("move", [set_back, deleted], ids=lambda move: move.__name__)
def test_what_had_landed_and_is_done_again_is_told_with_the_commit_that_the_branch_was_set_back_from(
    repository: Path, move: Callable[[Path], None], all_of_plaits: bool
) -> None:
    tip = land_both(repository)
    delete_branches(repository, "again/agent")
    move(repository)
    for ref in git(repository, "for-each-ref", "--format=%(refname)", "refs/plait").split() if all_of_plaits else ():
        git(repository, "update-ref", "-d", ref)

    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.reuse.finished == {}
        (notice,) = [notice for notice in second.notices if "had landed" in notice]
        assert notice.startswith(f"A and B had landed, but {INTEGRATION} was ")
        assert tip[:10] in notice
        assert notice.endswith("A and B are done again")


def test_what_had_landed_and_is_still_on_its_own_branch_is_told_to_land_again(repository: Path) -> None:
    land_both(repository)
    set_back(repository)
    git(repository, "update-ref", "-d", "refs/heads/feature/again/agent/command/B")

    with opened(PLAN, repository, run_id="run-2") as second:
        (notice,) = [notice for notice in second.notices if "had landed" in notice]
        assert notice.endswith("B is done again and A lands again")


@pytest.mark.parametrize("bring", WAYS, ids=lambda way: way.__name__)
def test_nothing_is_missed_that_somebody_brought_to_base(repository: Path, bring: Callable[[Path], None]) -> None:
    land_both(repository)
    bring(repository)
    delete_branches(repository, "again")
    plan = PLAN.replace("cp a.txt b.txt", "cp a.txt other.txt")

    with opened(plan, repository, run_id="run-2") as second:
        assert set(second.reuse.finished) == {"A"}
        assert not [notice for notice in second.notices if "had landed" in notice]


def test_what_a_person_began_anew_is_not_missed_by_later_runs(repository: Path) -> None:
    land_both(repository)
    with opened(PLAN, repository, run_id="run-2", fresh=True) as second:
        assert not [notice for notice in second.notices if "had landed" in notice]

    with opened(PLAN, repository, run_id="run-3") as third:
        assert third.reuse.finished == {}
        assert not [notice for notice in third.notices if "had landed" in notice]
