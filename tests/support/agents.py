"""Orders for agents, and a way to play a script's steps without any supervision."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from plait.blocks.agents.base import AgentOrder
from plait.blocks.agents.scripted import PLAYER
from plait.plans.language.scripts import ScriptEntry

ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def order_for(
    folder: Path,
    *,
    task: str = "TASK-1",
    prompt: str = "Say hello.",
    attempt: int = 1,
    repair: int = 0,
    timeout: float | None = 30.0,
    stall: float | None = None,
    model: str | None = None,
    stop: threading.Event | None = None,
    on_line: Callable[[str], None] | None = None,
    output_bytes: int = 8_000_000,
    grace: float = 0.5,
) -> AgentOrder:
    """An order whose checkout, log and temporary directory are `checkout`, `log` and `temporary` in `folder`."""
    for name in ("checkout", "temporary"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return AgentOrder(
        task=task,
        attempt=attempt,
        prompt=prompt,
        directory=folder / "checkout",
        output=folder / "log",
        environment=ENVIRONMENT,
        timeout=timeout,
        stall=stall,
        model=model,
        temporary=folder / "temporary",
        stop=stop or threading.Event(),
        on_line=on_line,
        repair=repair,
        output_bytes=output_bytes,
        grace=grace,
    )


def play(entry: ScriptEntry, directory: Path, steps_file: Path) -> subprocess.CompletedProcess[str]:
    """Play an entry in a directory, without its pauses and without supervision."""
    played = entry.for_player()
    played["steps"] = [step for step in played["steps"] if "sleep" not in step]
    steps_file.write_text(json.dumps(played), encoding="utf-8")
    argv = [sys.executable, "-I", "-S", str(PLAYER), str(steps_file)]
    return subprocess.run(argv, cwd=directory, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(happened: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    """Look again and again until it has happened; False when it has not in time."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
