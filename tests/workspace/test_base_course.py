"""How far base has moved on from a feature: nothing is called untested that was tested, and the other way round."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plait.plans.names import base_ref
from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.workspace.base_course import feature_base, keep_base, keep_taken_in, standing_now
from plait.workspace.control import Control
from tests.conftest import BranchWith
from tests.support.repositories import commit_files, git

FEATURE, TIP = "cart", "feature/cart/integration"
TRAILERS = "\n\nPlait-Feature: cart\nPlait-Task: A\nPlait-Spec: abc\n"


@pytest.fixture
def landed(control: Control, repository: Path, branch_with: BranchWith) -> str:
    """A feature that began from main and has landed one task."""
    began = git(repository, "rev-parse", "main")
    work = branch_with("work", {"a.txt": "a\n"})
    tree = git(repository, "rev-parse", f"{work}^{{tree}}")
    commit = git(repository, "commit-tree", "-p", began, "-m", f"A: x{TRAILERS}", tree)
    tip = git(repository, "commit-tree", "-p", began, "-p", commit, "-m", "Merge A", tree)
    git(repository, "update-ref", f"refs/heads/{TIP}", tip)
    git(repository, "branch", "-D", "-q", "work")
    control.store.set_ref(base_ref(FEATURE), began, reason="a test")
    keep_base(control, FEATURE, feature_base(control, FEATURE, "main"))
    return tip


def standing(control: Control, wanted: str | None = None) -> BaseStanding:
    tip = control.branch(TIP)
    seen = feature_base(control, FEATURE, wanted).standing(control.store, FEATURE, tip)
    assert standing_now(control.target, FEATURE, seen, tip) == seen  # who looks later sees the same
    return seen


def nothing(_repository: Path) -> None:
    pass


def two_commits(repository: Path) -> None:
    commit_files(repository, {"b.txt": "b\n"})
    commit_files(repository, {"c.txt": "c\n"})


def merged_into_main(repository: Path) -> None:
    two_commits(repository)
    git(repository, "merge", "-q", "--no-edit", TIP)


def merged_into_an_unmoved_main(repository: Path) -> None:
    git(repository, "merge", "-q", "--no-ff", "--no-edit", TIP)


def forwarded(repository: Path) -> None:
    git(repository, "merge", "-q", "--ff-only", TIP)


def squashed_with_trailers(repository: Path) -> None:
    commit_files(repository, {"b.txt": "b\n"})
    git(repository, "merge", "-q", "--squash", TIP)
    git(repository, "commit", "-q", "-m", f"Cart{TRAILERS}")
    commit_files(repository, {"c.txt": "c\n"})


def squashed_without_a_word(repository: Path) -> None:
    git(repository, "merge", "-q", "--squash", TIP)
    git(repository, "commit", "-q", "-m", "Cart (#12)")
    commit_files(repository, {"c.txt": "c\n"})


def merged_into_the_feature(repository: Path) -> None:
    two_commits(repository)
    git(repository, "checkout", "-q", TIP)
    git(repository, "merge", "-q", "--no-edit", "main")
    git(repository, "checkout", "-q", "main")


def merged_into_the_feature_and_moved_on(repository: Path) -> None:
    merged_into_the_feature(repository)
    commit_files(repository, {"d.txt": "d\n"})


def amended(repository: Path) -> None:
    git(repository, "commit", "-q", "--amend", "-m", "other words")


def set_back(repository: Path) -> None:
    merged_into_the_feature(repository)
    git(repository, "reset", "-q", "--hard", "HEAD~2")


def deleted(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "elsewhere")
    git(repository, "branch", "-q", "-D", "main")


@pytest.mark.parametrize(
    ("act", "course", "behind", "words"),
    [
        (nothing, "same", 0, ""),
        (two_commits, "behind", 2, "main has moved on by 2 commits since this feature began"),
        (merged_into_main, "landed", 0, "main has the work of this feature"),
        (merged_into_an_unmoved_main, "landed", 0, "main has the work of this feature"),
        (forwarded, "landed", 0, "main has the work of this feature"),
        (squashed_with_trailers, "landed", 0, "main has the work of this feature, as "),
        (squashed_without_a_word, "landed", 0, "main has the work of this feature, as "),
        (merged_into_the_feature, "same", 0, ""),
        (merged_into_the_feature_and_moved_on, "behind", 1, "moved on by 1 commit since it was last taken in"),
        (amended, "rewritten", 1, "main was rewritten since this feature began: 1 commit that the feature has is not"),
        (deleted, "gone", 0, "main, where this feature began, is gone"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_base_is_told_as_what_it_is(
    control: Control,
    repository: Path,
    landed: str,
    act: Callable[[Path], None],
    course: str,
    behind: int,
    words: str,
) -> None:
    act(repository)
    seen = standing(control)
    assert (seen.course, seen.behind) == (course, behind)
    assert words in base_words(seen)
    assert bool(words) == bool(base_words(seen))
    assert seen.name == "main"


def test_a_base_that_was_set_back_is_told_with_what_a_merge_would_bring_back(
    control: Control, repository: Path, landed: str
) -> None:
    merged_into_the_feature(repository)
    known = standing(control)
    git(repository, "reset", "-q", "--hard", "HEAD~2")
    seen = standing_now(control.target, FEATURE, known, control.branch(TIP))
    assert (seen.course, seen.behind, seen.dropped) == ("rewritten", 0, 2)
    assert "a merge would bring them back" in base_words(seen)


def test_a_base_that_was_set_back_between_two_runs_is_told_by_the_next_one(
    control: Control, repository: Path, landed: str
) -> None:
    began = git(repository, "rev-parse", "main")
    merged_into_the_feature(repository)
    had = git(repository, "rev-parse", "main")
    keep_taken_in(control, FEATURE, standing(control))
    git(repository, "branch", "other", began)
    git(repository, "reset", "-q", "--hard", "HEAD~2")
    base = feature_base(control, FEATURE, None)
    assert (base.began, base.commit) == (began, had)
    assert (standing(control).course, standing(control).dropped) == ("rewritten", 2)
    assert standing(control, "other").course == "same", "another branch has lost nothing"
    keep_base(control, FEATURE, base)
    assert standing(control).dropped == 2
    git(repository, "update-ref", f"refs/heads/{TIP}", landed)
    assert standing(control).course == "same", "the feature branch was set back, too"


def test_a_feature_that_goes_on_after_it_was_merged_is_not_behind_by_that_merge(
    control: Control, repository: Path, landed: str, branch_with: BranchWith
) -> None:
    merged_into_an_unmoved_main(repository)
    git(repository, "branch", "-f", TIP, branch_with("more", {"more.txt": "x\n"}, start=TIP))
    assert standing(control).course == "same"
    commit_files(repository, {"d.txt": "d\n"})
    assert standing(control).course == "behind"


def test_of_a_part_that_was_squashed_the_squash_is_not_counted(
    control: Control, repository: Path, landed: str, branch_with: BranchWith
) -> None:
    squashed_with_trailers(repository)
    work = branch_with("more", {"more.txt": "x\n"}, start=TIP)
    tree = git(repository, "rev-parse", f"{work}^{{tree}}")
    message = f"B: y{TRAILERS.replace('Task: A', 'Task: B')}"
    git(repository, "update-ref", f"refs/heads/{TIP}", git(repository, "commit-tree", "-p", TIP, "-m", message, tree))
    assert (standing(control).course, standing(control).behind) == ("behind", 2)


def test_what_was_undone_on_base_has_not_landed_there(control: Control, repository: Path, landed: str) -> None:
    forwarded(repository)
    git(repository, "revert", "--no-edit", "-m", "1", "HEAD")
    git(repository, "commit", "-q", "--amend", "-m", "Take it back\n\nPlait-Undone: cart")
    assert standing(control).course != "landed"


@pytest.mark.parametrize("name", ["v1", "COMMIT", "main~0"])
def test_what_does_not_move_is_never_behind(control: Control, repository: Path, landed: str, name: str) -> None:
    git(repository, "tag", "v1")
    name = name if name != "COMMIT" else git(repository, "rev-parse", "main")
    two_commits(repository)
    assert standing(control, name).course == "fixed"
    assert not base_words(standing(control, name))


def test_a_feature_keeps_its_base_wherever_the_user_stands_when_it_goes_on(
    control: Control, repository: Path, landed: str
) -> None:
    two_commits(repository)
    git(repository, "checkout", "-q", "-b", "topic", "main~1")
    assert (standing(control).name, standing(control).behind) == ("main", 2)
    assert standing(control, "topic").behind == 1
    git(repository, "checkout", "-q", TIP)
    assert (standing(control).name, standing(control).behind) == ("main", 2)
    assert feature_base(control, FEATURE, None, fresh=True).commit == git(repository, "rev-parse", TIP)


def test_what_was_taken_in_is_what_later_tasks_start_from(control: Control, repository: Path, landed: str) -> None:
    began = feature_base(control, FEATURE, None).commit
    merged_into_the_feature_and_moved_on(repository)
    base = feature_base(control, FEATURE, None)
    assert (base.began, base.commit) == (began, git(repository, "rev-parse", "main~1"))
    forwarded_by_others = git(repository, "rev-parse", "main")
    assert base.now == forwarded_by_others


def test_that_the_feature_was_merged_into_base_takes_nothing_in(
    control: Control, repository: Path, landed: str
) -> None:
    began = feature_base(control, FEATURE, None).commit
    merged_into_main(repository)
    assert feature_base(control, FEATURE, None).commit == began


def test_before_anything_has_landed_nothing_is_behind(control: Control, repository: Path) -> None:
    control.store.set_ref(base_ref(FEATURE), git(repository, "rev-parse", "main"), reason="a test")
    two_commits(repository)
    base = feature_base(control, FEATURE, None)
    assert base.commit == base.began == git(repository, "rev-parse", "main")
    assert base.standing(control.store, FEATURE, None).course == "same"
