"""What a program leaves behind in a sandbox is gone, however it hid and however the end came, as outside of one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from plait.workspace.environment import agent_environment
from plait.workspace.process import Ended, Limits
from plait.workspace.sandboxed_runs import run_sandboxed
from tests.support.sandboxes import make_box, needs_sandbox
from tests.workspace.test_survivors import HIDING, ROOT, alive, mark, program, wait_for

__all__ = ["mark"]

pytestmark = needs_sandbox

HIDING_INSIDE = {
    **HIDING,
    "nohup": "os.system('nohup setsid sh -c \"sleep 1000; true\" ' + MARK + ' >/dev/null 2>&1 &')\n"
    "open('here', 'a').write('x\\n')",
    "a namespace of its own": (
        "if os.fork() == 0:\n  os.system('unshare -Urpf --mount-proc true')\n  os.setsid()\n  stay()"
    ),
}


@pytest.fixture(params=HIDING_INSIDE)
def hiding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def argv_of(hiding: str, then: str, mark: str) -> list[str]:
    argv = program(next(iter(HIDING)), then, mark)
    argv[3] = argv[3].replace(HIDING[next(iter(HIDING))], HIDING_INSIDE[hiding])
    return argv


def run(argv: list[str], place: Path, limits: Limits, stop: threading.Event | None = None) -> Ended:
    box = make_box(place)
    environment = agent_environment(extra={"TMPDIR": str(box.temporary)})
    return run_sandboxed(box, argv, environment=environment, output=place / "log", limits=limits, stop=stop)


def test_nothing_is_left_when_the_program_has_exited(hiding: str, tmp_path: Path, mark: str) -> None:
    ended = run(argv_of(hiding, "print('over')", mark), tmp_path, Limits(grace=0.1))
    assert ended.ok, ended
    assert alive(mark) == []
    assert ended.killed >= 1
    assert ended.survivors == 0


def test_nothing_is_left_when_the_program_is_stopped(hiding: str, tmp_path: Path, mark: str) -> None:
    stop, here = threading.Event(), tmp_path / "box" / "work" / "here"
    stopper = threading.Thread(target=lambda: (wait_for(here.exists), stop.set()))
    stopper.start()
    ended = run(argv_of(hiding, "time.sleep(60)", mark), tmp_path, Limits(grace=0.1), stop)
    stopper.join()
    assert ended.cause == "cancelled"
    assert alive(mark) == []


TRACES = (
    "if os.fork() == 0:\n  import ctypes\n  seize = 0x4206\n"
    "  ctypes.CDLL(None).ptrace(seize, os.getppid(), 0, 0)\n  os.setsid()\n  stay()"
)
"""Nobody but who traces a process is told of its end, so the helper inside is not."""


def test_a_child_that_traces_its_parent_goes_at_the_timeout(tmp_path: Path, mark: str) -> None:
    argv = argv_of("plain child", "print('over')", mark)
    argv[3] = argv[3].replace(HIDING["plain child"], TRACES)
    assert run(argv, tmp_path, Limits(timeout=1, grace=0.1)).cause == "timeout"
    assert alive(mark) == []


@pytest.mark.parametrize("victim", ["os.getppid()", "1", "-1"])
def test_a_program_that_kills_what_is_around_it_ends_itself(victim: str, tmp_path: Path, mark: str) -> None:
    then = f"\ntry: os.kill({victim}, 9)\nexcept OSError: pass\ntime.sleep(0.3); os._exit(3)"
    ended = run(argv_of("child in a session of its own", then, mark), tmp_path, Limits(grace=0.1))
    assert ended.status in (3, 137, -9)
    assert not ended.ok
    assert alive(mark) == []


SUPERVISOR = """
import os, sys
from pathlib import Path
from plait.workspace.process import Limits
from plait.workspace.sandbox import Sandbox
from plait.workspace.sandboxed_runs import run_sandboxed
place = Path.cwd() / "box"
box = Sandbox(place / "work", place / "home", place / "tmp")
run_sandboxed(box, sys.argv[1:], environment={}, output=Path("log"), limits=Limits(grace=0.5))
"""


@pytest.mark.parametrize("style", ["double fork", "ignores SIGTERM", "forks on and on", "nohup", "a crowd", "stopped"])
def test_all_is_gone_when_plait_is_killed(style: str, tmp_path: Path, mark: str) -> None:
    make_box(tmp_path)
    argv = argv_of(style, "time.sleep(60)", mark)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *argv], cwd=tmp_path, env=environment)
    try:
        wait_for((tmp_path / "box" / "work" / "here").exists)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_for(lambda: alive(mark) == [])


def test_all_is_gone_when_the_shim_is_killed(tmp_path: Path, mark: str) -> None:
    killed = threading.Event()

    def kill_the_shim() -> None:
        wait_for((tmp_path / "box" / "work" / "here").exists)
        bwraps = [pid for pid in alive(mark) if Path(f"/proc/{pid}/comm").read_text() == "bwrap\n"]
        parents = {int(Path(f"/proc/{pid}/stat").read_text().split()[3]) for pid in bwraps}
        shims = [pid for pid in parents if "shim.py" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(shims) == 1
        os.kill(shims[0], 9)
        killed.set()

    killer = threading.Thread(target=kill_the_shim)
    killer.start()
    ended = run(argv_of("double fork", "time.sleep(60)", mark), tmp_path, Limits(grace=0.1))
    killer.join()
    assert killed.is_set()
    assert ended.cause == "lost"
    assert alive(mark) == []
