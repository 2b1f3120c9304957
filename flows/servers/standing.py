"""What is known of the server that `plait up` started: its files, its password, and which of its processes live."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from secrets import token_hex

from plait.flows.servers.settings import standing_client_settings
from plait.workspace.files import write_whole
from plait.workspace.home import plait_home, server_directory
from plait.workspace.process import Daemon, is_alive

_USER = "plait"


@dataclass(frozen=True, slots=True)
class Process:
    """A process with its birth, since numbers are used again."""

    pid: int = 0
    started: str = ""

    @property
    def alive(self) -> bool:
        return is_alive(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Standing:
    """`server.json`: the server and the worker that `plait up` left running."""

    host: str
    port: int
    prefect: str
    """The version of Prefect that the server was started with."""
    server: Process = field(default_factory=Process)
    worker: Process = field(default_factory=Process)

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"{self.page}/api"


def as_process(daemon: Daemon) -> Process:
    """What is kept of a process that was started."""
    return Process(daemon.pid, daemon.started)


def read_standing(directory: Path) -> Standing | None:
    """What was written last, whether it still lives or not."""
    try:
        said = json.loads((directory / "server.json").read_text(encoding="utf-8"))
        return replace(Standing(**said), server=Process(**said["server"]), worker=Process(**said["worker"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_standing(directory: Path, standing: Standing) -> None:
    """Write it whole or not at all."""
    write_whole(directory / "server.json", json.dumps(asdict(standing), indent=1))


def forget_standing(directory: Path) -> None:
    """There is no server any more."""
    (directory / "server.json").unlink(missing_ok=True)


def password_file(directory: Path) -> Path:
    """Where the password is; readable by its owner alone."""
    return directory / "password"


def password(directory: Path) -> str:
    """What the server asks for, as `user:password`; made once."""
    place = password_file(directory)
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return place.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(made := f"{_USER}:{token_hex(24)}")
    return made


def client_environment() -> dict[str, str] | None:
    """The variables that a process of this machine needs to talk to the server of `plait up`; nothing when none runs.

    To be set before Prefect is imported.
    """
    directory = server_directory(plait_home())
    standing = read_standing(directory)
    if standing is None or not standing.server.alive:
        return None
    return standing_client_settings(directory, url=standing.url, auth=password(directory))
