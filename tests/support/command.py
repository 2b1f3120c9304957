"""`plait` as a process, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAIT = Path(sys.executable).parent / "plait"
PATIENCE_SECONDS = 240.0
"""Long enough for a machine that does much else; only what hangs takes longer."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left."""

    status: int
    stdout: str
    stderr: str

    @property
    def data(self) -> dict[str, Any]:
        """Standard output as one JSON object."""
        said = json.loads(self.stdout)
        assert isinstance(said, dict)
        return said


def plait(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
    """Run `plait` to its end; `env` goes over the test's environment."""
    done = subprocess.run(
        [str(PLAIT), *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


_STARTED: list[subprocess.Popen[str]] = []


def end_what_still_runs() -> None:
    """End what a failed test left running: it would hold the slots of a server that other tests use, too."""
    while _STARTED:
        process = _STARTED.pop()
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


class Running:
    """`plait` while it runs."""

    def __init__(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, ignoring: Sequence[str] = ()
    ) -> None:
        shell = ["sh", "-c", f"trap '' {' '.join(ignoring)}; exec \"$@\"", "sh"] if ignoring else []
        self.process = subprocess.Popen(
            [*shell, str(PLAIT), *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _STARTED.append(self.process)

    def wait_until(self, true: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for something to become true while it runs."""
        deadline = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None, f"it ended: {self.process.communicate()}"
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self, *, seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, stdout, stderr)


def processes_with(text: str) -> list[int]:
    """Processes whose command line holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(int(entry.name))
    return found
