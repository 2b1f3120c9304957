"""A Prefect server on a real PostgreSQL: Debian's, since Prefect needs `pg_trgm`, which the one in a wheel lacks."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTED_WITHIN = 120.0


def postgres_programs() -> Path | None:
    """Where `initdb` and `pg_ctl` are; nothing when there is no PostgreSQL (Debian: apt-get install postgresql)."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def server_on_postgres(programs: Path, folder: Path) -> Iterator[str]:
    """The API's address of `prefect server start` on a database of its own; both are stopped at the end."""
    with _database(programs, folder / "pg") as url:
        port = _free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "PREFECT_HOME": str(folder / "server"),
            "PREFECT_API_DATABASE_CONNECTION_URL": url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_UI_ENABLED": "false",
        }
        log = folder / "server.log"
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with log.open("wb") as sink:
            server = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)
        try:
            _wait(f"http://127.0.0.1:{port}/api/health", log)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            server.terminate()
            server.wait(20)


@contextmanager
def _database(programs: Path, place: Path) -> Iterator[str]:
    place.mkdir(mode=0o700, parents=True)
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if other:
        shutil.chown(place, "postgres", "postgres")
        for parent in (place.parent, place.parent.parent):
            parent.chmod(0o711)
    port = _free_port()
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    initdb = [str(programs / "initdb"), "-D", str(place / "data"), "-U", "postgres", "-A", "trust"]
    control = [str(programs / "pg_ctl"), "-D", str(place / "data"), "-w"]
    log = subprocess.DEVNULL
    subprocess.run([*other, *initdb], check=True, stdout=log, cwd="/")
    subprocess.run(
        [*other, *control, "-l", str(place / "log"), "-o", options, "start"], check=True, stdout=log, cwd="/"
    )
    try:
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*other, *control, "-m", "fast", "stop"], check=False, stdout=log, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"the server on PostgreSQL did not come up: {log.read_text(errors='replace')[-2000:]}")
