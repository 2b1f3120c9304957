"""The reused checkout that trees are verified in."""

import os
import random
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed
from plait.workspace.verification_slots import Slot
from tests.conftest import BranchWith
from tests.support.repositories import files_of, git
from tests.workspace.histories import Content, History


@pytest.fixture
def slot(control: Control, tmp_path: Path) -> Slot:
    return Slot(control, tmp_path / "slots" / "1")


def found_in(directory: Path) -> dict[str, str]:
    """Path to text of every file, and every directory that is empty, the slot's own `.git` left out."""
    found: dict[str, str] = {}
    for above, names, files in os.walk(directory):
        if Path(above) == directory:
            names.remove(".git")
        if not names and not files:
            found[str(Path(above).relative_to(directory))] = "(an empty directory)"
        links = [name for name in names if (Path(above) / name).is_symlink()]
        for name in (*files, *links):
            path = Path(above) / name
            found[str(path.relative_to(directory))] = path.read_text() if not path.is_symlink() else "(a link)"
    return found


def soil(directory: Path) -> None:
    """Everything that a hostile test-suite leaves behind."""
    (directory / ".gitignore").write_text("*\n")
    (directory / "ignored.o").write_text("x")
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__/app.pyc").write_text("x")
    (directory / "nested/.git").mkdir(parents=True)
    (directory / "nested/.git/HEAD").write_text("ref: refs/heads/x\n")
    os.mkfifo(directory / "docs/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(directory / "sock"))
    shutil.rmtree(directory / "tests")
    (directory / "tests").symlink_to("/etc")
    (directory / "README.md").unlink()
    (directory / "README.md").mkdir()
    (directory / "README.md/in").write_text("x")
    os.link(directory / "app.py", directory.parent / "hard-link")
    (directory / "sealed/in").mkdir(parents=True)
    (directory / "sealed/in/file").write_text("x")
    (directory / "sealed/in").chmod(0o000)
    (directory / "sealed").chmod(0o500)
    (directory / "docs/guide.md").chmod(0o000)
    (directory / "docs").chmod(0o500)
    directory.chmod(0o500)


def test_the_files_are_exactly_those_of_the_commit(slot: Slot, control: Control, repository: Path) -> None:
    _, commit = control.base_commit("main")
    directory = slot.restore(commit)
    expected = {name: text + "\n" for name, text in files_of(repository, commit).items()}
    assert found_in(directory) == expected


def test_whatever_a_hostile_run_left_is_gone(slot: Slot, control: Control, repository: Path) -> None:
    _, commit = control.base_commit("main")
    before = found_in(slot.restore(commit))
    soil(slot.directory)
    (slot.temporary / "left").write_text("x")
    directory = slot.restore(commit)
    assert found_in(directory) == before
    assert list(slot.temporary.iterdir()) == []
    assert git(directory, "status", "--porcelain", "--ignored") == ""
    assert (directory / "app.py").stat().st_nlink == 1
    assert (directory / "docs/guide.md").stat().st_mode & 0o600 == 0o600
    assert Path("/etc/passwd").exists()


def test_a_change_of_equal_size_and_time_is_seen(slot: Slot, control: Control) -> None:
    _, commit = control.base_commit("main")
    for _ in range(5):
        path = slot.restore(commit) / "app.py"
        text, times = path.read_text(), path.stat()
        path.write_text(text.swapcase())
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert (slot.restore(commit) / "app.py").read_text() == text


def test_neighbouring_trees_follow_each_other(slot: Slot, control: Control, branch_with: BranchWith) -> None:
    commits = [
        branch_with(f"b{number}", {"app.py": f"number = {number}\n", f"only/{number}.py": "x", "docs/guide.md": None})
        for number in range(3)
    ]
    for commit in (*commits, *reversed(commits)):
        directory = slot.restore(commit)
        number = commits.index(commit)
        assert (directory / "app.py").read_text() == f"number = {number}\n"
        assert [path.name for path in (directory / "only").iterdir()] == [f"{number}.py"]
        assert not (directory / "docs").exists()


@pytest.mark.parametrize("seed", range(4))
def test_any_tree_after_any_other_is_exact(tmp_path: Path, seed: int) -> None:
    """Files become directories, links and back; what a run changed at random never shows."""
    chance = random.Random(seed)  # noqa: S311  (a seed that repeats a failure)
    history = History.new(tmp_path / "bare.git")
    commits = [history.commit(random_files(chance)) for _ in range(6)]
    history.branch("main", commits[0])
    control = open_control(tmp_path / "bare.git", home=tmp_path / "home")
    slot = Slot(control, tmp_path / "slot")
    for _ in range(12):
        commit = chance.choice(commits)
        directory = slot.restore(commit)
        fresh = Slot(control, tmp_path / "fresh")
        shutil.rmtree(fresh.place, ignore_errors=True)
        assert found_in(directory) == found_in(fresh.restore(commit))
        for name in chance.sample("abcdef", 3):
            path = directory / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
                path.mkdir()
                (path / "new").write_text("new")


def random_files(chance: random.Random) -> dict[str, Content]:
    files: dict[str, Content] = {}
    for name in chance.sample("abcdef", 4):
        kind = chance.randrange(3)
        if kind == 0:
            files[name] = chance.choice(["one\n", "two\n"])
        elif kind == 1:
            files[name] = ("120000", chance.choice(["a", "b", "nowhere"]))
        else:
            files |= {f"{name}/{inner}": "deep\n" for inner in chance.sample("xyz", 2)}
    return files


def test_a_bare_tree_has_a_commit_that_tests_can_ask_for(slot: Slot, control: Control) -> None:
    _, commit = control.base_commit("main")
    tree = control.store.tree_of(commit)
    first = git(slot.restore(tree), "rev-parse", "HEAD")
    assert git(slot.directory, "rev-parse", "HEAD^{tree}") == tree
    assert git(slot.restore(tree), "rev-parse", "HEAD") == first
    assert git(slot.restore(commit), "rev-parse", "HEAD") == commit


@pytest.mark.parametrize("plant", ["file", "link", "hooks"])
def test_a_git_directory_that_a_test_planted_is_replaced(
    slot: Slot, control: Control, tmp_path: Path, plant: str
) -> None:
    _, commit = control.base_commit("main")
    planted = slot.restore(commit) / ".git"
    if plant == "hooks":
        (planted / "hooks").mkdir(exist_ok=True)
        (planted / "hooks/post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    else:
        shutil.rmtree(planted)
        planted.write_text(f"gitdir: {tmp_path}/evil\n") if plant == "file" else planted.symlink_to(tmp_path)
    slot.restore(commit)
    names = ["HEAD", "config", "hooks", "index", "info", "objects", "refs"]
    assert sorted(path.name for path in planted.iterdir()) == names
    assert not any((planted / "hooks").iterdir())
    assert not (tmp_path / "canary").exists()
    assert tmp_path.is_dir()


@pytest.mark.parametrize("damage", ["index", "lock", "work", "everything"])
def test_a_slot_that_a_kill_left_half_done_is_mended(slot: Slot, control: Control, damage: str) -> None:
    _, commit = control.base_commit("main")
    expected = found_in(slot.restore(commit))
    if damage == "index":
        (slot.place / "index").write_bytes(b"DIRC garbage")
    elif damage == "lock":
        (slot.place / "index.lock").touch()
    elif damage == "work":
        shutil.rmtree(slot.directory)
        slot.directory.symlink_to("/etc")
    else:
        shutil.rmtree(slot.place)
        slot.place.write_text("a file")
    assert found_in(slot.restore(commit)) == expected


def test_a_file_that_nobody_can_delete_makes_a_fresh_slot(slot: Slot, control: Control) -> None:
    _, commit = control.base_commit("main")
    stuck = slot.restore(commit) / "stuck/file"
    stuck.parent.mkdir()
    stuck.write_text("x")
    if subprocess.run(["chattr", "+i", str(stuck)], capture_output=True, check=False).returncode:
        pytest.skip("no immutable files here")
    try:
        assert "stuck/file" not in found_in(slot.restore(commit))
    finally:
        subprocess.run(["chattr", "-R", "-i", str(slot.place.parent)], capture_output=True, check=False)


def test_a_missing_tree_is_the_repository_s_fault(slot: Slot) -> None:
    with pytest.raises(GitFailed, match="1" * 40):
        slot.restore("1" * 40)


def test_submodules_stay_empty_directories(tmp_path: Path) -> None:
    history = History.new(tmp_path / "bare.git")
    commit = history.branch("main", history.commit({"part": ("160000", "1" * 40), "file": "x"}))
    slot = Slot(open_control(tmp_path / "bare.git", home=tmp_path / "home"), tmp_path / "slot")
    part = slot.restore(commit) / "part"
    (part / ".git").mkdir()
    (part / "file").write_text("x")
    assert list((slot.restore(commit) / "part").iterdir()) == []
