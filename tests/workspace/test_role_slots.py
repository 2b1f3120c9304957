"""Role slots are shared by all processes of a machine, and a killed holder holds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.role_slots import FileSlots, SlotFiles, SlotSource

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from plait.workspace.role_slots import SlotFiles
print(SlotFiles(Path(sys.argv[1])).try_take("backend", 2), flush=True)
time.sleep(60)
"""


def test_no_more_slots_are_taken_than_the_limit(tmp_path: Path) -> None:
    files = SlotFiles(tmp_path)
    first, second = files.try_take("backend", 2), files.try_take("backend", 2)
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (1, 2)
    assert files.try_take("backend", 2) is None
    assert SlotFiles(tmp_path).try_take("frontend", 1) is not None
    first.release()
    again = files.try_take("backend", 2)
    assert again is not None
    assert again.number == 1


def test_a_limit_of_nothing_gives_nothing(tmp_path: Path) -> None:
    assert SlotFiles(tmp_path).try_take("backend", 0) is None


def test_another_process_counts_until_it_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-S", "-c", HOLDER, str(tmp_path), str(ROOT)]
    holder = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert "number=1" in holder.stdout.readline()
        slots = FileSlots(tmp_path, {"backend": 2})
        ours = slots.try_take("backend")
        assert ours is not None
        assert ours.number == 2
        assert slots.try_take("backend") is None
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert slots.try_take("backend") is not None
    slots.close()


def test_a_child_does_not_keep_the_slot(tmp_path: Path) -> None:
    slot = SlotFiles(tmp_path).try_take("backend", 1)
    assert slot is not None
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        slot.release()
        assert SlotFiles(tmp_path).try_take("backend", 1) is not None
    finally:
        child.kill()
        child.wait()


def test_the_source_gives_back_once_and_closes_the_rest(tmp_path: Path) -> None:
    slots: SlotSource = FileSlots(tmp_path, {"backend": 1, "frontend": 1})
    slot = slots.try_take("backend")
    assert slots.try_take("backend") is None
    slots.release(slot)
    slots.release(slot)
    assert slots.try_take("backend") is not None
    assert slots.try_take("frontend") is not None
    slots.close()
    assert SlotFiles(tmp_path).try_take("frontend", 1) is not None


def test_a_role_without_a_limit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="'designer' has no limit"):
        FileSlots(tmp_path, {}).try_take("designer")


def test_files_that_cannot_be_made_are_explained(tmp_path: Path) -> None:
    (tmp_path / "backend").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match="slot file"):
        SlotFiles(tmp_path).try_take("backend", 1)
