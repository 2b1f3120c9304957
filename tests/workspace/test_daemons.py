"""Daemons go on beside plait, are told apart from whoever gets their number, and end with all they started."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace.process import Daemon, is_alive, start_daemon, started_at, stop_process
from tests.support.patience import patience

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def start(script: str, directory: Path, *, die_with_parent: bool) -> Daemon:
    """A daemon that has printed `ready`."""
    log = directory / "daemon.log"
    argv = ["sh", "-c", script]
    daemon = start_daemon(argv, directory=directory, environment=ENVIRONMENT, log=log, die_with_parent=die_with_parent)
    wait_for(log, "ready")
    return daemon


def wait_for(log: Path, text: str) -> None:
    until = time.monotonic() + 60
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_a_daemon_lives_until_it_is_stopped_with_its_children(tmp_path: Path, die_with_parent: bool) -> None:
    daemon = start("sleep 60 & echo $! > child; echo ready; wait", tmp_path, die_with_parent=die_with_parent)
    child = int((tmp_path / "child").read_text())
    assert is_alive(daemon.pid, daemon.started)
    assert daemon.stop(grace=2)
    assert not is_alive(daemon.pid, daemon.started)
    assert started_at(child) is None
    assert daemon.stop(), "stopping twice does nothing"


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_a_daemon_that_will_not_end_is_killed(tmp_path: Path, die_with_parent: bool) -> None:
    script = "trap '' TERM; setsid sleep 300 & echo $! > child; echo ready; while :; do sleep 1; done"
    daemon = start(script, tmp_path, die_with_parent=die_with_parent)
    child = int((tmp_path / "child").read_text())
    with patience():
        assert daemon.stop(grace=0.2)
    assert started_at(child) is None


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_a_daemon_that_ends_by_itself_is_not_alive(tmp_path: Path, die_with_parent: bool) -> None:
    daemon = start("echo ready", tmp_path, die_with_parent=die_with_parent)
    until = time.monotonic() + 60
    while is_alive(daemon.pid, daemon.started):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_number_that_was_used_again_is_left_alone() -> None:
    own = started_at(os.getpid())
    assert own is not None
    assert is_alive(os.getpid(), own)
    assert stop_process(os.getpid(), "born at another time", grace=0)
    assert not is_alive(os.getpid(), "")


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_a_daemon_that_cannot_start_is_explained(tmp_path: Path, die_with_parent: bool) -> None:
    with pytest.raises(EnvironmentProblem, match="'no-such-server' was not found"):
        start_daemon(
            ["no-such-server"],
            directory=tmp_path,
            environment=ENVIRONMENT,
            log=tmp_path / "log",
            die_with_parent=die_with_parent,
        )


STARTER = """
import sys, time
from pathlib import Path
from plait.workspace.process import start_daemon
here = Path.cwd()
argv = ["sh", "-c", "echo ready; sleep 60"]
daemon = start_daemon(argv, directory=here, environment={"PATH": sys.argv[1]}, log=here / "daemon.log",
                      die_with_parent=sys.argv[2] == "True")
print(daemon.pid, daemon.started, flush=True)
del daemon
time.sleep(60)
"""


@pytest.mark.parametrize("die_with_parent", [True, False])
def test_a_daemon_dies_with_its_parent_or_outlives_it(tmp_path: Path, die_with_parent: bool) -> None:
    argv = [sys.executable, "-c", STARTER, os.environ["PATH"], str(die_with_parent)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    starter = subprocess.Popen(argv, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid, started = starter.stdout.readline().split()
    wait_for(tmp_path / "daemon.log", "ready")
    starter.kill()
    starter.wait()
    starter.stdout.close()
    until = time.monotonic() + (60 if die_with_parent else 0.5)
    while is_alive(int(pid), started) and time.monotonic() < until:
        time.sleep(0.02)
    assert is_alive(int(pid), started) is not die_with_parent
    assert stop_process(int(pid), started, grace=2)
