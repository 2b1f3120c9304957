"""A Prefect API for the length of one run: a child process with a database of its own, which dies with its parent.

Nothing here imports Prefect: the settings have to be in the environment before that.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from plait.flows.servers.api_server import reserved_port
from plait.flows.servers.client import finish_events
from plait.flows.servers.probing import is_healthy, last_words
from plait.flows.servers.settings import (
    bare_environment,
    embedded_client_settings,
    embedded_server_settings,
    log_to_file,
)
from plait.plans.errors import EnvironmentProblem
from plait.workspace.process import Daemon, is_alive, start_daemon, started_at, stop_process
from plait.workspace.small_files import write_whole

STARTED_WITHIN = 60.0
"""Seconds that a server may take; 2.5 on two free cores."""
MIGRATED_WITHIN = 300.0
"""Seconds for the first one of a Prefect version; 8 on two free cores."""
DRAINED_WITHIN = 3.0
"""Seconds at the end for the last states to reach the server; what is late is lost with its database anyway."""
LOGS_KEPT = 7 * 86400.0
"""Seconds after which what a failed run left behind is removed."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where an embedded server answers."""

    url: str
    """As PREFECT_API_URL: `http://127.0.0.1:4711/api`."""
    auth: str
    directory: Path
    """Its database, logs and results."""


@dataclass(frozen=True, slots=True)
class _EmbeddedRecord:
    """`server.json`: the server and the run it belongs to, each with its birth, since numbers are used again."""

    pid: int
    started: str
    owner_pid: int
    owner_started: str


@contextmanager
def embedded_server(
    home: Path,
    *,
    on_step: Callable[[str], None] = lambda _text: None,
    meanwhile: Callable[[ServerAddress], None] | None = None,
) -> Iterator[ServerAddress]:
    """Start a server for this process and stop it at the end.

    Args:
        home: PLAIT_HOME; the server gets a directory below `prefect/embedded`, and its tables from a template there.
        on_step: Told what is being waited for.
        meanwhile: Called while the server comes up, with the address it will have: the time to import Prefect, after
            its settings have been set.

    Raises:
        EnvironmentProblem: it did not come up; the message names its log.
    """
    directory = home / "prefect" / "embedded" / f"{os.getpid()}-{token_hex(4)}"
    template = home / "prefect" / version("prefect") / "template.db"
    first = not template.exists()
    on_step("making Prefect's database (once for each version of Prefect)" if first else "starting Prefect")
    with _gone_after(directory), reserved_port() as held:
        port = int(held.getsockname()[1])
        address = ServerAddress(f"http://127.0.0.1:{port}/api", f"plait:{token_hex(24)}", directory)
        log_to_file(directory / "logging.yml", directory / "prefect.log")
        server = _start(address, port, template)
        try:
            if meanwhile is not None:
                meanwhile(address)
            _wait_until_healthy(server, address, patience=MIGRATED_WITHIN if first else STARTED_WITHIN)
            held.close()
            yield address
        finally:
            _let_go(server)


@contextmanager
def _gone_after(directory: Path) -> Iterator[None]:
    """A directory for as long as the block runs; after a failure it stays for its logs, but not after a Ctrl-C."""
    try:
        directory.mkdir(parents=True, mode=0o700)
        yield
    except KeyboardInterrupt:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)


def server_environment(address: ServerAddress) -> dict[str, str]:
    """The variables that a process needs to talk to an embedded server; to be set before Prefect is imported."""
    from plait.flows.servers.client import EMBEDDED

    return {**embedded_client_settings(address.directory, url=address.url, auth=address.auth), EMBEDDED: "1"}


def reap_servers(home: Path) -> int:
    """Stop the servers whose run is gone, and give how many: they die with it, but who knows."""
    reaped = 0
    for record in (home / "prefect" / "embedded").glob("*/server.json"):
        known = _read(record)
        if known is not None and is_alive(known.owner_pid, known.owner_started):
            continue
        if known is not None and is_alive(known.pid, known.started):
            stop_process(known.pid, known.started, 2.0)
            reaped += 1
        _clear(record.parent)
    for directory in (home / "prefect" / "embedded").glob("*-*"):
        if not (directory / "server.json").exists() and _age(directory) > STARTED_WITHIN:
            shutil.rmtree(directory, ignore_errors=True)  # killed before it had a server
    return reaped


def _age(path: Path) -> float:
    """Seconds since it was changed; none for what is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _start(address: ServerAddress, port: int, template: Path) -> Daemon:
    directory = address.directory
    server = start_daemon(
        # -P: this directory must not shadow a package; -m: whatever environment plait is installed in.
        [
            *(sys.executable, "-P", "-m", "plait.flows.servers.api_server", "--port", str(port)),
            *("--database", str(directory / "prefect.db"), "--template", str(template)),
        ],
        directory=directory,
        environment=bare_environment() | embedded_server_settings(directory, port=port, auth=address.auth),
        log=directory / "server.log",
        die_with_parent=True,
    )
    record = _EmbeddedRecord(server.pid, server.started, os.getpid(), started_at(os.getpid()) or "")
    write_whole(directory / "server.json", json.dumps(asdict(record)))
    return server


def _wait_until_healthy(server: Daemon, address: ServerAddress, *, patience: float) -> None:
    until = time.monotonic() + patience
    while not is_healthy(address.url):
        log = address.directory / "server.log"
        if not is_alive(server.pid, server.started):
            raise EnvironmentProblem(f"Prefect's server ended as it started: {last_words(log)}", f"its log is {log}")
        if time.monotonic() > until:
            raise EnvironmentProblem(f"Prefect's server did not come up in {patience:.0f} s", f"its log is {log}")
        time.sleep(0.02)


def _let_go(server: Daemon) -> None:
    finish_events(patience=DRAINED_WITHIN)
    stop_process(server.pid, server.started, 2.0)


def _read(record: Path) -> _EmbeddedRecord | None:
    try:
        return _EmbeddedRecord(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _clear(directory: Path) -> None:
    """Remove what a dead run left; its logs only after some days, since somebody may ask why."""
    if _age(directory / "server.json") > LOGS_KEPT:
        shutil.rmtree(directory, ignore_errors=True)
        return
    for database in directory.glob("prefect.db*"):
        database.unlink(missing_ok=True)
    shutil.rmtree(directory / "results", ignore_errors=True)
