"""A landed feature is taken back out of base, whoever brought it there, and can run again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.flows.landing import LandCall, land_feature, undo_feature
from plait.plans.errors import CallError
from tests.flows.finished import BRANCH, PLAN, finish, log, stand_elsewhere
from tests.flows.opened import opened
from tests.support.repositories import commit_files, commit_on_branch, files_of, git


def landed(way: str) -> Callable[[Path], None]:
    def by_plait(repository: Path) -> None:
        land_feature(LandCall("cart", repository, way=way))

    by_plait.__name__ = f"by_plait_as_{way}"
    return by_plait


def merged_by_a_person(repository: Path) -> None:
    git(repository, "switch", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-ff", "--no-edit", BRANCH)
    stand_elsewhere(repository)


def forwarded_by_a_person(repository: Path) -> None:
    git(repository, "switch", "--quiet", "main")
    git(repository, "merge", "--quiet", "--ff-only", BRANCH)
    stand_elsewhere(repository)


def squashed_by_a_forge(repository: Path) -> None:
    messages = git(repository, "log", "--reverse", "--format=* %B", f"main..{BRANCH}")
    git(repository, "switch", "--quiet", "main")
    git(repository, "merge", "--quiet", "--squash", BRANCH)
    git(repository, "commit", "--quiet", "--message", f"The feature (#12)\n\n{messages}")
    stand_elsewhere(repository)


WAYS = [landed("merge"), landed("squash"), landed("fast-forward")]
WAYS += [merged_by_a_person, forwarded_by_a_person, squashed_by_a_forge]


@pytest.mark.parametrize("bring", WAYS, ids=lambda way: way.__name__)
def test_what_the_feature_brought_is_gone_and_what_came_later_stays(
    repository: Path, bring: Callable[[Path], None]
) -> None:
    finish(repository)
    stand_elsewhere(repository)
    bring(repository)
    later = commit_on_branch(repository, "later", {"later.txt": "x\n"})
    git(repository, "update-ref", "refs/heads/main", later)

    outcome = undo_feature("cart", repository)

    assert (outcome.state, outcome.verified) == ("undone", "yes")
    assert git(repository, "log", "-1", "--format=%P", "main") == later
    there = files_of(repository, "main")
    assert "later.txt" in there
    assert not {"a.txt", "b.txt"} & there.keys()
    assert "Plait-Undone: cart" in log(repository, "main")


@pytest.mark.parametrize("kept", ["all its branches", "the agents' branches", "no branch"])
@pytest.mark.parametrize("bring", WAYS, ids=lambda way: way.__name__)
def test_a_run_after_an_undo_does_all_of_it_anew_on_base_as_it_is_then(
    repository: Path, bring: Callable[[Path], None], kept: str
) -> None:
    finish(repository)
    stand_elsewhere(repository)
    bring(repository)
    undone = undo_feature("cart", repository).commit
    git(repository, "switch", "--quiet", "main")
    for ref in git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature/").split():
        if kept == "no branch" or (kept == "the agents' branches" and ref.endswith("integration")):
            git(repository, "update-ref", "-d", ref)

    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.reuse.finished == {}
        assert second.shop.base == undone
        assert second.shop.lander.tip() is None

    tip = finish(repository, run_id="run-3")
    with opened(PLAN, repository, run_id="run-4") as fourth:
        assert {task: work.landed for task, work in fourth.reuse.finished.items()} == {"A": True, "B": True}
    stand_elsewhere(repository)
    again = land_feature(LandCall("cart", repository))
    assert again.state == "landed"
    assert {"a.txt", "b.txt"} < files_of(repository, "main").keys()
    assert f"Plait-Tip: {tip}" in log(repository, "main")
    assert undo_feature("cart", repository).state == "undone"
    assert not {"a.txt", "b.txt"} & files_of(repository, "main").keys()


def test_what_was_put_aside_for_an_undone_feature_is_told(repository: Path) -> None:
    tip = finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository, way="squash"))
    undo_feature("cart", repository)
    git(repository, "switch", "--quiet", "main")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert any("cart was taken back out of main" in notice for notice in second.notices)

    assert git(repository, "rev-parse", f"refs/plait/old/run-2/{BRANCH}") == tip


def test_later_changes_of_the_same_lines_are_a_conflict_and_nothing_is_moved(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))
    later = commit_on_branch(repository, "later", {"a.txt": "changed\n"})
    git(repository, "update-ref", "refs/heads/main", later)

    outcome = undo_feature("cart", repository)

    assert (outcome.state, outcome.files) == ("conflict", ("a.txt",))
    assert git(repository, "rev-parse", "main") == later


def test_what_is_not_there_or_was_undone_already_is_said_in_clear_words(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    with pytest.raises(CallError, match="cart has not landed on main"):
        undo_feature("cart", repository)
    land_feature(LandCall("cart", repository))
    undo_feature("cart", repository)
    with pytest.raises(CallError, match="was taken back out of main already, by"):
        undo_feature("cart", repository)
    with pytest.raises(CallError, match="was taken back out of main by"):
        land_feature(LandCall("cart", repository))


def test_another_feature_that_landed_since_stays_and_is_told(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))
    git(repository, "switch", "--quiet", "main")
    other = PLAN.replace("feature: cart", "feature: search").replace("a.txt", "c.txt").replace("b.txt", "d.txt")
    finish(repository, other, run_id="run-2")
    stand_elsewhere(repository)
    land_feature(LandCall("search", repository))

    outcome = undo_feature("cart", repository)

    assert outcome.state == "undone"
    assert outcome.notes == ("landed since, and stays: search (3 commits)",)
    assert {"c.txt", "d.txt"} < files_of(repository, "main").keys()
    assert "a.txt" not in files_of(repository, "main")


def test_two_features_that_came_in_one_merge_are_not_taken_apart(repository: Path) -> None:
    finish(repository)
    other = PLAN.replace("feature: cart", "feature: search").replace("a.txt", "c.txt").replace("b.txt", "d.txt")
    finish(repository, other, run_id="run-2")
    git(repository, "switch", "--quiet", "--create", "develop")
    for feature in ("cart", "search"):
        git(repository, "merge", "--quiet", "--no-ff", "--no-edit", f"feature/{feature}/integration")
    git(repository, "switch", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-ff", "--no-edit", "develop")
    stand_elsewhere(repository)

    with pytest.raises(CallError, match="brought cart to main together with search"):
        undo_feature("cart", repository)


def test_a_check_that_was_red_before_the_feature_came_does_not_keep_it_there(repository: Path) -> None:
    """The plan's checks test what it builds."""
    finish(repository, PLAN.replace("test ! -e bad.txt", "test -e b.txt"))
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))

    outcome = undo_feature("cart", repository)

    assert (outcome.state, outcome.verified) == ("undone", "no new failures")


def test_what_is_red_without_the_feature_stays(repository: Path) -> None:
    """Something since needs it."""
    check = "test ! -e needs-a.txt || test -e a.txt"
    finish(repository, PLAN.replace("test ! -e bad.txt", check))
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))
    later = commit_on_branch(repository, "later", {"needs-a.txt": "x\n"})
    git(repository, "update-ref", "refs/heads/main", later)

    outcome = undo_feature("cart", repository)

    assert outcome.state == "red"
    assert git(repository, "rev-parse", "main") == later


def test_a_base_that_is_checked_out_is_its_users_to_move(repository: Path) -> None:
    finish(repository)
    git(repository, "merge", "--quiet", "--no-ff", "--no-edit", BRANCH)
    before = git(repository, "rev-parse", "main")

    outcome = undo_feature("cart", repository)

    assert (outcome.state, git(repository, "rev-parse", "main")) == ("ready-to-land", before)
    git(repository, *(outcome.command or "").split()[1:])
    assert not (repository / "a.txt").exists()
    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.reuse.finished == {}


def test_a_dry_run_of_an_undo_moves_nothing(repository: Path) -> None:
    finish(repository)
    stand_elsewhere(repository)
    land_feature(LandCall("cart", repository))
    commit_files(repository, {"x.txt": "x"})
    refs = git(repository, "for-each-ref")

    assert undo_feature("cart", repository, dry_run=True).state == "planned"
    assert git(repository, "for-each-ref") == refs
