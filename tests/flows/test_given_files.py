"""What a person names as a plan or crew: read when it is text of a fair size, refused with a sentence when not."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from plait.flows.inputs.given_files import read_given_file
from plait.flows.inputs.requests import read_given_plan
from plait.plans.errors import CallError, PlanError
from plait.plans.language.documents import MAX_BYTES
from tests.support.command import PLAIT, plait

GOOD = "feature: x\ntasks:\n  - {id: A, run: make}\n"


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan").write_text(GOOD)
    assert read_given_plan(tmp_path / "plan") == GOOD


def test_a_device_without_an_end_is_not_read() -> None:
    with pytest.raises(CallError, match="/dev/zero is a device, and not a file"):
        read_given_plan(Path("/dev/zero"))


def test_a_pipe_that_nobody_writes_into_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.yaml")
    with pytest.raises(CallError, match="is a pipe, and not a file") as refused:
        read_given_plan(tmp_path / "plan.yaml")
    assert "name it -" in str(refused.value.hint)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("plan")
        with pytest.raises(CallError, match="plan is a socket, and not a file"):
            read_given_plan(Path("plan"))


def test_a_directory_is_no_crew(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="is a directory, and not a file"):
        read_given_file(tmp_path)


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="File name too long"):
        read_given_plan(tmp_path / ("x" * 300))


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "plan").open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    with pytest.raises(PlanError, match=f"is larger than {MAX_BYTES // 1024} KiB"):
        read_given_plan(tmp_path / "plan")


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"], ["forecast"], ["gantt"], ["graph"]])
def test_a_plan_comes_from_standard_input(tmp_path: Path, command: list[str]) -> None:
    ended = plait(*command, "-", cwd=tmp_path, stdin=GOOD)
    assert (ended.status, "A" in ended.stdout or "1 task" in ended.stdout) == (0, True), ended.stderr


def test_mistakes_in_standard_input_have_their_place(tmp_path: Path) -> None:
    ended = plait("check", "-", cwd=tmp_path, stdin=GOOD.replace("run:", "rnu:"))
    assert ended.status == 2
    assert "-:3:13: " in ended.stderr


def test_standard_input_without_an_end_is_read_to_the_limit(tmp_path: Path) -> None:
    with Path("/dev/zero").open("rb") as endless:
        ended = subprocess.run([PLAIT, "check", "-"], stdin=endless, cwd=tmp_path, capture_output=True, check=False)
    assert (ended.returncode, b"is larger than" in ended.stderr) == (2, True)


def test_a_closed_standard_input_is_told(tmp_path: Path) -> None:
    ended = subprocess.run(f"'{PLAIT}' check - <&-", shell=True, cwd=tmp_path, capture_output=True, check=False)
    assert (ended.returncode, b"standard input is closed" in ended.stderr) == (2, True)


def test_what_a_shell_substitutes_for_a_program_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan").write_text(GOOD)
    argv = ["bash", "-c", f"'{PLAIT}' check <(cat plan)"]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    assert (ended.returncode, b"1 task" in ended.stdout) == (0, True), ended.stderr
