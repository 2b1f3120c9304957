"""Single files of a commit, read and replaced without a checkout."""

from pathlib import Path

from plait.workspace.amending import TrackedFile, files_in, place_in, replace_files
from plait.workspace.control import Control
from tests.support.repositories import commit_files, files_of, git, make_repository


def test_files_of_a_folder_are_read_and_replaced_and_nothing_else_changes(repository: Path, control: Control) -> None:
    odd = ":(top) *é.md"
    commit_files(repository, {f"docs/{odd}": "odd\n", "docs/big.md": "x" * 100, "docs/sub/a.md": "a\n"})
    (repository / "docs" / "link.md").symlink_to("guide.md")
    (repository / "docs" / "guide.md").chmod(0o755)
    tip = commit_files(repository, {})
    before = files_of(repository, tip)

    found = files_in(control.store, tip, "docs/", largest=50)
    tree = replace_files(control.store, tip, "docs/", {odd: TrackedFile("100644", b"new\n")})

    assert found == {"guide.md": TrackedFile("100755", b"# Guide\n\nPut things into a basket.\n")} | {
        odd: TrackedFile("100644", b"odd\n")
    }
    assert files_of(control.store.git_dir, tree) == before | {f"docs/{odd}": "new"}
    assert git(control.store.git_dir, "diff", "--stat", tip, tree).count("|") == 1
    assert git(repository, "status", "--porcelain") == ""
    assert files_in(control.store, tip, "nowhere/", largest=50) == {}
    assert set(files_in(control.store, tip, "", largest=5000)) == {"app.py", "README.md"}


def test_a_folder_has_a_place_in_its_own_repository_alone(repository: Path, control: Control, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "other")
    other = make_repository(tmp_path / "other")

    assert place_in(control, repository) == ""
    assert place_in(control, repository / "docs") == "docs/"
    assert place_in(control, tmp_path / "linked" / "docs") == "docs/"
    assert place_in(control, other / "docs") is None
    assert place_in(control, tmp_path) is None
    assert place_in(control, tmp_path / "gone") is None
    assert place_in(control, repository / "docs" / "gone" / "specs") == "docs/gone/specs/"
    assert place_in(control, tmp_path / "linked" / "gone") == "gone/"
