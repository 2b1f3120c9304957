"""A server as `plait up` starts it, for tests that talk to it from this process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from plait.flows.servers.local_server import ServerRecord, password, read_server_record

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class UpServer:
    """A state directory with a server that runs."""

    home: Path
    port: int

    @property
    def directory(self) -> Path:
        return self.home / "server"

    @property
    def auth(self) -> str:
        return password(self.directory)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def state(self) -> ServerRecord:
        found = read_server_record(self.directory)
        assert found is not None
        return found

    def plait(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, in this state directory."""
        return subprocess.run(
            [sys.executable, "-m", "tests.flows.plait_command", *arguments],
            cwd=ROOT,
            # The worker's runs start in folders of their own, and some are flows of the tests.
            env={**os.environ, "PLAIT_HOME": str(self.home), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Prefect in this process talks to it."""
        talking = {
            PREFECT_API_URL: self.url,
            PREFECT_API_AUTH_STRING: self.auth,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(talking):
            yield


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
