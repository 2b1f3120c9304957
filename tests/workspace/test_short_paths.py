"""`TMPDIR` leaves room for sockets, however long the name of a home is."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace.short_paths import LONGEST, short_path

SOCKET = "pymp-xxxxxxxx/listener-xxxxxxxx"


def _deep(folder: Path, size: int) -> Path:
    place = folder
    while len(os.fsencode(place)) < size:
        place /= "x" * 20
    place.mkdir(parents=True)
    return place


def test_a_place_with_a_short_name_is_called_by_it() -> None:
    assert short_path(Path("/tmp/a"), None) == Path("/tmp/a")


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files whose own name is short, as a user's is."""
    folder = Path(tempfile.mkdtemp(prefix="p-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("long_home", [False, True])
def test_a_socket_fits_below_any_place_and_its_files_lie_there(near: Path, tmp_path: Path, *, long_home: bool) -> None:
    home = _deep(tmp_path / "home", 120) if long_home else near
    place = _deep(home, 150)
    path = short_path(place, home)
    (path / "pymp-xxxxxxxx").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path / SOCKET))
    assert (place / SOCKET).is_socket()
    assert len(os.fsencode(path)) <= LONGEST
    assert short_path(place, home) == path


def test_links_to_places_that_are_gone_go_with_the_next_one(near: Path) -> None:
    gone, other = _deep(near / "a", 120), _deep(near / "b", 120)
    link = short_path(gone, near)
    gone.rmdir()
    short_path(other, near)
    assert not link.is_symlink()


def test_two_places_have_two_names(near: Path) -> None:
    assert short_path(_deep(near / "a", 120), near) != short_path(_deep(near / "b", 120), near)


def test_a_folder_that_somebody_else_put_there_is_not_used(near: Path) -> None:
    (near / f"plait-{os.getuid()}").symlink_to(near)
    with pytest.raises(EnvironmentProblem, match="somebody else"):
        short_path(_deep(near / "a", 120), None)


def test_a_folder_that_others_may_write_is_not_used(near: Path) -> None:
    folder = near / f"plait-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(EnvironmentProblem, match="somebody else"):
        short_path(_deep(near / "a", 120), None)
