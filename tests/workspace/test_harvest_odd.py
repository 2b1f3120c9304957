"""Everything that cannot be committed: a problem for the harvest, left out and named by the salvage."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.control import Control
from plait.workspace.deleting import delete_tree
from plait.workspace.harvest import harvest, salvage
from plait.workspace.trailers import message_with_trailers, trailers_of
from tests.support.repositories import git

DATE = "1700000000 +0000"
MESSAGE = message_with_trailers("cart: totals", "What was done.", {"Plait-Task": "totals"})


@pytest.fixture
def checkout(control: Control, tmp_path: Path) -> Iterator[Checkout]:
    made = make_checkout(control, tmp_path / "place", control.base_commit("main")[1], branch="work")
    yield made
    delete_tree(made.place)  # pytest's own clean-up ends in a RecursionError on a tree of 1,500 levels


def plant_nothing_readable(work: Path) -> None:
    os.mkfifo(work / "pipe")


def plant_socket(work: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(work / "sock"))


def plant_device(work: Path) -> None:
    try:
        os.mknod(work / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices cannot be made here")


def plant_sparse_giant(work: Path) -> None:
    with (work / "giant").open("wb") as file:
        file.truncate(3 << 30)


def plant_tracked_giant(work: Path) -> None:
    with (work / "app.py").open("ab") as file:
        file.truncate(3 << 30)


def plant_deep_tree(work: Path) -> None:
    place = os.open(work, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)


def plant_many_files(work: Path) -> None:
    for number in range(20_001):
        (work / f"f{number}").touch()


def plant_bare_repository(work: Path) -> None:
    git(work, "init", "-q", "--bare", "fixture")
    (work / "fixture/objects/keep").touch()
    (work / "fixture/refs/keep").touch()


def plant_common_dir(work: Path) -> None:
    (work / "fixture").mkdir()
    (work / "fixture/HEAD").write_text("ref: refs/heads/x\n")
    (work / "fixture/commondir").write_text("../other\n")


def plant_absolute_link(work: Path) -> None:
    (work / "link").symlink_to("/etc/passwd")


def plant_leaving_link(work: Path) -> None:
    (work / "docs/link").symlink_to("../../outside")


def plant_winding_link(work: Path) -> None:
    (work / "up").symlink_to("docs/../../outside")


def plant_link_into_git(work: Path) -> None:
    (work / "config").symlink_to(".git/config")


def plant_upper_case_git(work: Path) -> None:
    (work / ".GIT").mkdir()
    (work / ".GIT/config").write_text("x")


def plant_short_name(work: Path) -> None:
    (work / "git~1").mkdir()
    (work / "git~1/config").write_text("x")


def plant_ignore_pipe(work: Path) -> None:
    os.mkfifo(work / "docs/.gitignore")


def plant_attributes_giant(work: Path) -> None:
    with (work / ".gitattributes").open("wb") as file:
        file.truncate(3 << 30)


def plant_encoding(work: Path) -> None:
    (work / ".gitattributes").write_text("*.txt working-tree-encoding=UTF-16\n")
    (work / "odd.txt").write_bytes(b"x")


def plant_pipe_for_file(work: Path) -> None:
    (work / "app.py").unlink()
    os.mkfifo(work / "app.py")


def plant_pipe_below_file(work: Path) -> None:
    """A known file becomes a directory whose `.git` would block whoever reads it, behind an ignore rule."""
    (work / ".gitignore").write_text("app.py/\n")
    (work / "app.py").unlink()
    (work / "app.py/.git").mkdir(parents=True)
    os.mkfifo(work / "app.py/.git/HEAD")
    os.mkfifo(work / "other-pipe")


def plant_link_for_everything(work: Path) -> None:
    work.rename(work.parent / "moved")
    work.symlink_to("/etc")


PLANTS = {
    "a named pipe": plant_nothing_readable,
    "a socket": plant_socket,
    "a device": plant_device,
    "giant: 3,221,225,472 bytes": plant_sparse_giant,
    "app.py: 3,221,225,472 bytes": plant_tracked_giant,
    "directories deeper than 64": plant_deep_tree,
    "20,001 new files": plant_many_files,
    "fixture: looks like a bare repository": plant_bare_repository,
    "looks like a bare repository": plant_common_dir,
    "leaves the repository (to /etc/passwd)": plant_absolute_link,
    "docs/link: a symbolic link that leaves": plant_leaving_link,
    "up: a symbolic link that leaves": plant_winding_link,
    "config: a symbolic link that leaves": plant_link_into_git,
    ".GIT: a nested repository": plant_upper_case_git,
    "git~1: a nested repository": plant_short_name,
    "docs/.gitignore: not a regular file": plant_ignore_pipe,
    ".gitattributes: not a regular file": plant_attributes_giant,
    "odd.txt: git refuses it": plant_encoding,
    "app.py: a named pipe": plant_pipe_for_file,
    "other-pipe: a named pipe": plant_pipe_below_file,
    "no longer a directory": plant_link_for_everything,
}


@pytest.mark.parametrize("problem", PLANTS)
def test_what_cannot_be_committed_is_a_problem_and_never_a_silence(
    control: Control, checkout: Checkout, repository: Path, problem: str
) -> None:
    before = git(repository, "for-each-ref")
    PLANTS[problem](checkout.directory)
    done = harvest(control, checkout, message=MESSAGE, parents=(checkout.commit,), date=DATE, author="a")
    assert done.commit is None
    assert [one for one in done.problems if problem in one], done.problems
    assert git(repository, "for-each-ref") == before


@pytest.mark.parametrize("problem", PLANTS)
def test_salvage_keeps_the_rest_and_names_what_it_left_out(
    control: Control, checkout: Checkout, repository: Path, problem: str
) -> None:
    (checkout.directory / "README.md").write_text("worth keeping\n")
    PLANTS[problem](checkout.directory)
    branch = salvage(control, checkout, branch="kept", message=MESSAGE, date=DATE)
    if problem == "no longer a directory":
        assert branch is None
        return
    assert branch == "kept"
    assert git(repository, "show", "kept:README.md") == "worth keeping"
    message = git(repository, "show", "-s", "--format=%B", "kept")
    subject = problem.split(":", maxsplit=1)[0] if ":" in problem else ""
    assert "Left out" in message
    assert subject in message
    assert trailers_of(control, git(repository, "rev-parse", "kept")) == {"Plait-Task": "totals"}
    git(repository, "fsck", "--strict")
