"""What a feature starts from, by every name that people give to it."""

from pathlib import Path

import pytest

from plait.plans.errors import CallError
from plait.workspace.bases import Base, base_around, find_base
from plait.workspace.control import Control, open_control
from tests.conftest import BranchWith
from tests.support.repositories import commit_files, git, make_repository


def found(control: Control, name: str | None) -> Base:
    return find_base(control.target, control.git_dir, name)


@pytest.fixture
def clone(tmp_path: Path, hermetic: Path) -> Control:
    """A clone whose main is one commit behind what it has fetched; the origin has a tag and a branch more."""
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    commit_files(origin, {"new.txt": "x\n"})
    git(origin, "tag", "v1")
    git(origin, "tag", "-a", "-m", "second", "v2")
    git(origin, "branch", "release/1")
    git(tmp_path / "clone", "fetch", "-q", "--tags")
    return open_control(tmp_path / "clone", home=hermetic)


def test_a_base_is_a_branch_a_fetched_one_a_tag_a_commit_or_a_full_ref(clone: Control) -> None:
    place = clone.git_dir.parent
    old, new = git(place, "rev-parse", "main"), git(place, "rev-parse", "origin/main")
    assert (found(clone, "main").commit, found(clone, "main").ref) == (old, "refs/heads/main")
    remote = Base("origin/main", new, "refs/remotes/origin/main")
    assert found(clone, "origin/main") == found(clone, "refs/remotes/origin/main") == remote
    assert found(clone, "origin") == found(clone, "origin/HEAD") == remote
    assert found(clone, "origin/release/1").ref == "refs/remotes/origin/release/1"
    assert found(clone, "v1") == found(clone, "refs/tags/v1") == Base("v1", new)
    assert found(clone, "v2") == Base("v2", new)
    assert found(clone, new) == Base(new[:10], new)
    assert found(clone, new[:9]) == found(clone, new[:9].upper().lower()) == Base(new[:9], new)


def test_without_a_name_it_is_the_branch_that_is_checked_out_or_the_commit(clone: Control) -> None:
    place = clone.git_dir.parent
    assert (found(clone, None), found(clone, "HEAD")) == (found(clone, "main"), found(clone, "main"))
    git(place, "checkout", "-q", "--detach", "origin/main")
    assert found(clone, None) == Base("HEAD", git(place, "rev-parse", "origin/main"))
    assert found(clone, "HEAD~1").commit == git(place, "rev-parse", "main")


def test_what_came_before_a_name_is_a_commit_that_stays(clone: Control) -> None:
    place = clone.git_dir.parent
    assert found(clone, "origin/main~1") == Base("origin/main~1", git(place, "rev-parse", "main"))
    assert found(clone, "v2^") == Base("v2^", git(place, "rev-parse", "main"))
    with pytest.raises(CallError, match="no history so long"):
        found(clone, "main~9")


def test_a_branch_that_is_behind_what_was_fetched_is_told_and_what_stays_is_not(clone: Control) -> None:
    (told,) = found(clone, "main").told
    assert told.startswith("main is 1 commit behind origin/main as it was last fetched")
    assert "--base origin/main" in told
    assert not found(clone, "origin/main").told
    assert not found(clone, "v1").told
    commit_files(clone.git_dir.parent, {"mine.txt": "x\n"})
    (apart,) = found(clone, "main").told
    assert apart.startswith("main and origin/main have gone apart: 1 commit on main alone, 1 on origin/main alone")


def test_a_branch_that_follows_none_is_held_against_the_one_that_was_fetched_of_its_name(clone: Control) -> None:
    place = clone.git_dir.parent
    git(place, "branch", "--unset-upstream", "main")
    assert "1 commit behind origin/main" in found(clone, "main").told[0]
    git(place, "branch", "own", "main")
    assert not found(clone, "own").told


def test_a_branch_goes_before_a_tag_of_its_name_and_that_is_told(clone: Control) -> None:
    place = clone.git_dir.parent
    git(place, "branch", "v1", "main")
    base = found(clone, "v1")
    assert (base.ref, base.commit) == ("refs/heads/v1", git(place, "rev-parse", "main"))
    assert base.told == (
        "v1 is refs/heads/v1 and refs/tags/v1: refs/heads/v1 is taken (give the whole name to mean another)",
    )
    assert found(clone, "refs/tags/v1").commit == git(place, "rev-parse", "refs/tags/v1")
    git(place, "tag", "main", "main")
    assert not any("is taken" in told for told in found(clone, "main").told)  # both are the same commit


def test_a_branch_goes_before_a_commit_that_begins_so(control: Control, repository: Path) -> None:
    commit_files(repository, {"x": "x"})
    first = git(repository, "rev-parse", "main~1")
    git(repository, "branch", first[:8], "main")
    assert found(control, first[:8]).ref == f"refs/heads/{first[:8]}"


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("mian", "no branch 'mian'", "did you mean 'main'?"),
        ("origin/mian", "no branch 'origin/mian'", "did you mean 'origin/main'?"),
        ("0000000", "no branch '0000000'", "there are"),
        ("refs/heads/nowhere", "no branch 'refs/heads/nowhere'", ""),
        ("tree", "is refs/tags/tree, which is a tree and no commit", "name a branch"),
        ("a..b", "a range or a revision", "name a branch"),
        ("-x", "read as an option", "name a branch"),
        ("main^{tree}", "or one of ~ ^", "name a branch"),
    ],
)
def test_what_is_none_is_refused_in_one_sentence(clone: Control, name: str, words: str, hint: str) -> None:
    git(clone.git_dir.parent, "tag", "tree", "HEAD^{tree}")
    with pytest.raises(CallError) as refused:
        found(clone, name)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert hint in (refused.value.hint or "")


def test_the_name_of_a_tree_or_file_is_no_base(control: Control, repository: Path) -> None:
    for kind, name in (("tree", "HEAD^{tree}"), ("blob", "HEAD:app.py")):
        oid = git(repository, "rev-parse", name)
        for shown in (oid, oid[:12]):
            with pytest.raises(CallError, match=f"is a {kind}, and no commit"):
                found(control, shown)


def test_the_beginning_of_several_commits_is_refused_with_these(control: Control, repository: Path) -> None:
    seen: dict[str, str] = {}
    tree, number = git(repository, "rev-parse", "HEAD^{tree}"), 0
    while True:
        oid = git(repository, "commit-tree", "-m", str(number), tree)
        if oid[:4] in seen:
            break
        seen[oid[:4]], number = oid, number + 1
    with pytest.raises(CallError, match="the beginning of several commits") as refused:
        found(control, oid[:4])
    assert oid in str(refused.value)
    assert seen[oid[:4]] in str(refused.value)


def test_an_unborn_branch_is_no_base_and_fetched_ones_are(tmp_path: Path, hermetic: Path) -> None:
    make_repository(tmp_path / "origin")
    git(tmp_path, "init", "-q", "-b", "main", "empty")
    git(tmp_path / "empty", "fetch", "-q", str(tmp_path / "origin"), "main:refs/remotes/origin/main")
    control = open_control(tmp_path / "empty", home=hermetic)
    with pytest.raises(CallError, match="no branch 'main' with a commit") as refused:
        found(control, None)
    assert refused.value.hint == "there are: origin/main"
    assert found(control, "origin/main").ref == "refs/remotes/origin/main"


def test_who_only_looks_finds_the_same_and_nothing_outside_of_a_repository(
    clone: Control, tmp_path: Path, branch_with: BranchWith, repository: Path
) -> None:
    place = clone.git_dir.parent
    assert base_around(place / "docs", "origin/main") == found(clone, "origin/main")
    git(place, "worktree", "add", "-q", "--detach", "../linked", "origin/main")
    assert base_around(tmp_path / "linked", None) == Base("HEAD", git(place, "rev-parse", "origin/main"))
    (tmp_path / "nowhere").mkdir()
    assert base_around(tmp_path / "nowhere", "main") is None
