"""What may not be looked at is not there: a closed folder, a name that is too long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plait.workspace.places import is_file, is_folder, is_there
from plait.workspace.starting import find_program

TOO_LONG = "x" * 300
"""`Path.is_file` raises for it before Python 3.14, as it does for a folder that may not be entered; root may."""


def test_a_name_that_can_be_none_is_not_there(tmp_path: Path) -> None:
    place = tmp_path / TOO_LONG
    assert [is_file(place), is_folder(place), is_there(place)] == [False, False, False]


def test_what_is_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, kinds in ((tmp_path / "file", [True, False, True]), (tmp_path, [False, True, True])):
        assert [is_file(place), is_folder(place), is_there(place)] == kinds


def test_programs_are_found_behind_a_folder_that_cannot_be_entered(tmp_path: Path) -> None:
    path = os.pathsep.join([f"/{TOO_LONG}/bin", os.environ["PATH"]])
    assert find_program("git", tmp_path, {"PATH": path}).name == "git"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_git_is_found_behind_a_folder_of_root(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    closed.chmod(0o700)
    asked = (
        "import os; from plait.workspace import git; os.setuid(12345); os.environ['PATH'] = "
        f"'{closed}/bin' + os.pathsep + os.environ['PATH']; print(git.git_program())"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("/git"), done.stderr
