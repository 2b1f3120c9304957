"""What `copy` brings into checkouts from the user's clone, and what it does not."""

import os
from pathlib import Path

import pytest

from plait.workspace import copied_files as module
from plait.workspace.checkouts import make_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.copied_files import CopiedFiles, clone_around, copied_files
from plait.workspace.harvest import harvest, salvage
from tests.support.repositories import commit_files, git


def _read(repository: Path, control: Control, *patterns: str) -> CopiedFiles:
    return copied_files(clone_around(repository, control), control, patterns)


def _paths(copied: CopiedFiles) -> list[str]:
    return [file.path for file in copied.files]


def test_untracked_files_are_copied_ignored_or_not_and_tracked_ones_are_not(repository: Path, control: Control) -> None:
    commit_files(repository, {".gitignore": ".env\n", "config/tracked.local": "x\n"})
    for path in (".env", "config/a.local", "config/deep/b.local", "config/a.txt", ".git/secret"):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(f"{path}\n")
    (repository / ".env").chmod(0o755)

    copied = _read(repository, control, ".env", "config/*.local", "README.md")

    assert _paths(copied) == [".env", "config/a.local"]
    assert [file.executable for file in copied.files] == [True, False]
    assert not copied.told
    assert _paths(_read(repository, control, "**/*.local", "**")) == [
        "config/a.local",
        "config/deep/b.local",
        ".env",
        "config/a.txt",
    ]


def test_no_link_leads_out_of_the_clone_or_into_its_git(repository: Path, control: Control, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/.env").write_text("secret\n")
    (repository / "file").symlink_to(tmp_path / "outside/.env")
    (repository / "folder").symlink_to(tmp_path / "outside")
    (repository / "own").symlink_to(".git/config")
    (repository / "sound").symlink_to(".env")
    (repository / ".env").write_text("mine\n")
    (repository / "loop").symlink_to("loop")
    os.mkfifo(repository / "pipe")

    copied = _read(repository, control, "file", "folder/.env", "folder/*", "own", "sound", "loop", "pipe", "fi*")

    assert [(file.path, file.content) for file in copied.files] == [("sound", b"mine\n")]
    told = "\n".join(copied.told)
    assert "file is not copied: a link leads out of the repository" in told
    assert "folder/.env is not copied: a link leads out of the repository" in told
    assert "own is not copied: it is git's own" in told
    assert "loop is not copied" in told
    assert "pipe is not copied: it is no plain file" in told


def test_a_folder_means_all_that_lies_in_it_and_links_to_folders_are_told(repository: Path, control: Control) -> None:
    (repository / "local/deep").mkdir(parents=True)
    (repository / "local/a").write_text("a\n")
    (repository / "local/deep/b").write_text("b\n")
    (repository / "local/linked").symlink_to("deep")
    (repository / "data").symlink_to("/usr")
    told = ("links to folders are not copied: local/linked",)
    for pattern in ("local", "local/**"):
        copied = _read(repository, control, pattern)
        assert [file.path for file in copied.files] == ["local/a", "local/deep/b"]
        assert copied.told == told
    assert _read(repository, control, "data").told == ("links to folders are not copied: data",)
    assert _read(repository, control, "local/linked/b").files[0].content == b"b\n"
    assert _read(repository, control, "data/share").told[0] == (
        "data/share is not copied: a link leads out of the repository"
    )
    assert _read(repository, control, ".git").told[0] == ".git is not copied: it is git's own"


def test_what_is_missing_too_large_or_too_much_is_told(
    repository: Path, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    monkeypatch.setattr(module, "MOST_FILES", 3)
    (repository / "large").write_bytes(b"x" * 11)
    for number in range(5):
        (repository / f"small{number}").write_text("x")

    assert "there is no .env in" in _read(repository, control, ".env").told[0]
    assert "large is not copied" in _read(repository, control, "large").told[0]
    many = _read(repository, control, "small*")
    assert len(many.files) == 3
    assert "the rest is left out" in many.told[0]


def test_a_bare_repository_has_nothing_to_copy_and_a_worktree_its_own(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    linked, bare = tmp_path / "linked", tmp_path / "bare.git"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    (linked / "docs/.env").write_text("linked\n")
    (repository / "docs/.env").write_text("main\n")
    there = open_control(linked / "docs", home=hermetic)
    assert clone_around(linked / "docs", there) == linked
    assert [file.content for file in _read(linked / "docs", there, "docs/.env").files] == [b"linked\n"]
    without = open_control(bare, home=hermetic)
    assert clone_around(bare, without) == bare
    assert "has no checkout" in _read(bare, without, ".env").told[0]


def test_copied_files_are_in_the_checkout_and_in_no_commit(repository: Path, control: Control, tmp_path: Path) -> None:
    (repository / ".env").write_text("KEY=secret-value-1\n")
    (repository / "config").mkdir()
    (repository / "config/x.local").write_text("x\n")
    _, base = control.base_commit("main")
    copied = _read(repository, control, ".env", "config/*.local")
    checkout = make_checkout(control, tmp_path / "co", base, branch="b", copied=copied)
    there = checkout.directory
    assert (there / ".env").read_text() == "KEY=secret-value-1\n"
    assert (there / ".env").stat().st_mode & 0o777 == 0o600

    (there / ".env").write_text("KEY=changed-by-agent\n")
    (there / "new.txt").write_text("work\n")
    made = harvest(control, checkout, message="m\n", parents=(base,), date="1700000000 +0000", author="a")
    kept = salvage(control, checkout, branch="kept", message="m\n", date="1700000000 +0000")

    assert made.changed == ("new.txt",)
    assert git(repository, "ls-tree", "-r", "--name-only", str(kept), ".env", "config", "new.txt").split() == [
        "new.txt"
    ]


def test_what_the_commit_has_stays_and_its_links_are_not_followed(
    repository: Path, control: Control, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (repository / "config").mkdir()
    (repository / "config/a").write_text("mine\n")
    (repository / "given").write_text("mine\n")
    copied = _read(repository, control, "config/a", "given")
    (repository / "config/a").unlink()
    (repository / "config").rmdir()
    (repository / "config").symlink_to(tmp_path / "outside")
    (repository / "given").write_text("theirs\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "in the way")

    _, base = control.base_commit("main")
    there = make_checkout(control, tmp_path / "co", base, branch="b", copied=copied).directory

    assert not list((tmp_path / "outside").iterdir())
    assert (there / "given").read_text() == "theirs\n"


def test_values_and_odd_words_are_masked_and_ordinary_ones_are_left() -> None:
    from plait.plans.language.secret_values import secret_values
    from plait.workspace.copied_files import CopiedFile
    from plait.workspace.redacting import Redactor

    text = (
        b"DATABASE_URL=postgres://me:pw-1234@db/x\nMODE=development\n//registry/:_authToken=npm_abc12345\n"
        b'{"key": "zx81-zx81-zx"}\nHOME=/srv/shop\n'
    )
    redact = Redactor(secret_values({}, words=CopiedFiles((CopiedFile(".env", False, text),)).words()))
    shown = redact("postgres://me:pw-1234@db/x development npm_abc12345 zx81-zx81-zx /srv/shop")
    assert shown == "*** development *** *** /srv/shop"
