"""What a program leaves behind is gone, however it hid and however the end came."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plait.workspace.process import Ended, Limits, run_supervised

ROOT = Path(__file__).parents[2]

BEGIN = """
import os, signal, sys, time
def stay():
    with open("here", "a") as f: f.write(f"{os.getpid()}\\n")
    while True: time.sleep(1)
"""

HIDING = {
    "plain child": "if os.fork() == 0: stay()",
    "child in a session of its own": "if os.fork() == 0: os.setsid(); stay()",
    "double fork": "if os.fork() == 0:\n  os.setsid()\n  if os.fork(): os._exit(0)\n  stay()",
    "ignores SIGTERM": "if os.fork() == 0: signal.signal(15, signal.SIG_IGN); os.setsid(); stay()",
    "forks on and on": (
        "if os.fork() == 0:\n  signal.signal(15, signal.SIG_IGN)\n  open('here', 'a').write('x\\n')\n"
        "  while True:\n    if os.fork(): os._exit(0)\n    os.setsid()"
    ),
    "closed streams": "if os.fork() == 0: os.closerange(0, 64); stay()",
    "without its environment": (
        "if os.fork() == 0:\n  os.setsid()\n  open('here', 'a').write('x\\n')\n"
        "  os.execve('/bin/sh', ['sh', '-c', 'trap \"\" TERM; while :; do sleep 1; done', MARK], {})"
    ),
    "stopped": "if os.fork() == 0: os.setsid(); open('here', 'a').write('x\\n'); os.kill(os.getpid(), 19); stay()",
    "a crowd": "for _ in range(5):\n  if os.fork() == 0:\n    os.fork(); os.fork(); os.setsid(); os.fork(); stay()",
}


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """A word in the command line of every process of a test; whatever a failed test leaves is ended."""
    word = f"mark-{os.getpid()}-{tmp_path.name}"
    yield word
    for pid in alive(word):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(mark: str) -> list[int]:
    """Processes with a word in their command line; a zombie has none."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def program(hiding: str, then: str, mark: str) -> list[str]:
    """A Python program that hides something, waits until that is there, and goes on with `then`."""
    wait = "\nwhile not os.path.exists('here'): time.sleep(0.005)\n"
    return [sys.executable, "-S", "-c", f"MARK = {mark!r}\n{BEGIN}{HIDING[hiding]}{wait}{then}", mark]


def run(argv: list[str], directory: Path, limits: Limits, stop: threading.Event | None = None) -> Ended:
    environment = {"PATH": os.environ["PATH"]}
    log = directory / "log"
    return run_supervised(argv, directory=directory, environment=environment, output=log, limits=limits, stop=stop)


@pytest.fixture(params=HIDING)
def hiding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_nothing_is_left_when_the_program_has_exited(hiding: str, tmp_path: Path, mark: str) -> None:
    ended = run(program(hiding, "print('over')", mark), tmp_path, Limits(grace=0.1))
    assert ended.ok, ended
    assert alive(mark) == []
    assert ended.killed >= 1
    assert ended.survivors == 0


def test_nothing_is_left_when_the_program_is_stopped(hiding: str, tmp_path: Path, mark: str) -> None:
    stop = threading.Event()
    stopper = threading.Thread(target=lambda: (wait_for((tmp_path / "here").exists), stop.set()))
    stopper.start()
    ended = run(program(hiding, "time.sleep(60)", mark), tmp_path, Limits(grace=0.1), stop)
    stopper.join()
    assert ended.cause == "cancelled"
    assert alive(mark) == []


def test_nothing_is_left_when_the_program_kills_its_shim(tmp_path: Path, mark: str) -> None:
    argv = program("child in a session of its own", "os.kill(os.getppid(), 9); time.sleep(60)", mark)
    ended = run(argv, tmp_path, Limits(grace=0.1))
    assert (ended.cause, ended.status) == ("lost", None)
    assert alive(mark) == []
    assert ended.killed >= 2


@pytest.mark.slow
def test_nothing_is_left_when_the_program_stops_its_shim(tmp_path: Path, mark: str) -> None:
    argv = program("plain child", "os.kill(os.getppid(), 19); time.sleep(60)", mark)
    ended = run(argv, tmp_path, Limits(timeout=0.3, grace=0.1))
    assert ended.cause == "lost"
    assert alive(mark) == []


def test_a_forged_answer_does_not_end_the_watch(tmp_path: Path, mark: str) -> None:
    forged = '{"status": 0, "cause": "exited", "problem": 0, "killed": 0, "survivors": 0}'
    then = f"open(f'/proc/{{os.getppid()}}/fd/1', 'w').write('''{forged}\\n[1]\\n{{\\n''')\ntime.sleep(60)"
    ended = run(program("plain child", then, mark), tmp_path, Limits(timeout=10, grace=0.1))
    assert not ended.ok
    assert alive(mark) == []


def test_an_error_in_the_calling_thread_leaves_nothing(tmp_path: Path, mark: str) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    argv = program("ignores SIGTERM", "print('a line', flush=True); time.sleep(60)", mark)
    with pytest.raises(KeyboardInterrupt):
        run_supervised(
            argv,
            directory=tmp_path,
            environment={"PATH": os.environ["PATH"]},
            output=tmp_path / "log",
            limits=Limits(grace=0.1),
            on_line=interrupt,
        )
    assert alive(mark) == []


SUPERVISOR = """
import sys
from pathlib import Path
from plait.workspace.process import Limits, run_supervised
run_supervised(sys.argv[1:], directory=Path.cwd(), environment={}, output=Path("log"), limits=Limits(grace=0.5))
"""


def test_all_is_gone_when_plait_is_killed(hiding: str, tmp_path: Path, mark: str) -> None:
    argv = program(hiding, "time.sleep(60)", mark)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *argv], cwd=tmp_path, env=environment)
    try:
        wait_for((tmp_path / "here").exists)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_for(lambda: alive(mark) == [])


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not come to be"
        time.sleep(0.01)
