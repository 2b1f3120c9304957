"""Hostile directories are deleted whole, and nothing outside of them."""

import os
import time
from pathlib import Path

import pytest

from plait.workspace.deleting import TRASH, delete_later, delete_tree
from tests.support.effort import effort


def test_a_very_deep_tree_is_deleted(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep" * 20, dir_fd=here)
        below = os.open("deep" * 20, os.O_RDONLY, dir_fd=here)
        os.close(os.open("file", os.O_CREAT, dir_fd=below))
        os.close(here)
        here = below
    os.close(here)
    delete_tree(top)
    assert not top.exists()


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    top = tmp_path / "top"
    top.mkdir()
    (top / "directory").symlink_to(outside)
    (top / "file").symlink_to(outside / "precious")
    (top / "nowhere").symlink_to("/no/such/place")
    delete_tree(top)
    (tmp_path / "link").symlink_to(outside)
    delete_tree(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "precious").read_text() == "kept"


def test_odd_names_and_kinds_and_modes_are_deleted(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for name in (b"-rf", b"\xff\n", b"a b", b"*", b"x" * 255):
        inner = Path(os.fsdecode(os.fsencode(top) + b"/closed/" + name))
        inner.mkdir(parents=True)
        (inner / "file").write_text("")
        (inner / "file").chmod(0)
        inner.chmod(0o500)
    os.mkfifo(top / "pipe")
    (top / "closed").chmod(0)
    delete_tree(top)
    assert not top.exists()


def test_a_file_or_nothing_is_deleted_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    delete_tree(tmp_path / "file")
    delete_tree(tmp_path / "file")
    delete_later(tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_two_thousand_files_are_deleted_by_no_more_than_a_few_calls_each(tmp_path: Path) -> None:
    for number in range(2000):
        file = tmp_path / "top" / f"{number % 50}" / f"{number % 7}" / f"{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    with effort(most=20 * 2000):
        delete_tree(tmp_path / "top")
    assert not (tmp_path / "top").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no directory that even root cannot delete")
def test_what_cannot_be_deleted_is_told() -> None:
    with pytest.raises(PermissionError):
        delete_tree(Path("/proc/self/task"))


def test_later_means_out_of_the_way_now_and_deleted_soon(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "inner").mkdir(parents=True)
    (top / "inner" / "file").write_text("")
    delete_later(top)
    assert not top.exists()
    until = time.monotonic() + 60
    while list((tmp_path / TRASH).iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)
