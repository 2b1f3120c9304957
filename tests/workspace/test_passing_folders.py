"""Folders for a moment: in memory where there is room, and nothing stays there of a process that was killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait.workspace.passing_folders import passing_folder

HOLDING = """
import sys, time
from pathlib import Path
from plait.workspace.passing_folders import passing_folder
with passing_folder(Path(sys.argv[1])) as folder:
    (folder / "object").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place like that in memory, with room."""
    monkeypatch.setattr("plait.workspace.passing_folders._ROOM", 1)
    place = tmp_path / "memory"
    place.mkdir()
    return place


def aged(folder: Path) -> None:
    moment = time.time() - 3_600
    os.utime(folder, (moment, moment))


def test_a_folder_is_in_memory_while_it_is_needed_and_then_gone(memory: Path) -> None:
    with passing_folder(memory) as folder:
        assert folder.parent == memory
        (folder / "info").mkdir()
    assert list(memory.iterdir()) == []


def test_without_room_in_memory_or_without_such_a_place_it_is_on_the_disk(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with passing_folder(memory / "none") as folder:
        assert folder.parent != memory
    monkeypatch.setattr("plait.workspace.passing_folders._ROOM", shutil.disk_usage(memory).total + 1)
    with passing_folder(memory) as folder:
        assert folder.parent != memory


@pytest.mark.parametrize("killed", [True, False])
def test_what_a_killed_process_left_is_deleted_and_what_somebody_still_holds_stays(memory: Path, killed: bool) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(memory)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        aged(left)
        if killed:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        with passing_folder(memory):
            assert left.exists() is not killed
    finally:
        holder.kill()
        holder.wait()


def test_what_is_new_or_no_folder_or_called_otherwise_is_left_alone(memory: Path) -> None:
    (memory / "plait-passing-new").mkdir()
    (memory / "somebody").mkdir()
    (memory / "plait-passing-link").symlink_to(memory / "somebody")
    (memory / "plait-passing-file").touch()
    for name in ("somebody", "plait-passing-file"):
        aged(memory / name)
    os.utime(memory / "plait-passing-link", (0, 0), follow_symlinks=False)
    with passing_folder(memory):
        pass
    assert len(list(memory.iterdir())) == 4
