"""The program that serves Prefect's API to one run: `python -m plait.flows.servers.api_server --port … --database …`.

It does what Prefect's own temporary server does (`prefect.server.api.server.SubprocessASGIServer`), with three
differences: its tables are copied from a template instead of made by migrations (5.5 s), its imports run without the
garbage collector (2.0 s instead of 3.0), and its port cannot be taken by somebody else in between.
"""

import argparse
import asyncio
import gc
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def main() -> None:
    """Serve until SIGTERM."""
    gc.disable()
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    wanted = parser.parse_args()
    prepare_database(wanted.database, template=wanted.template)
    serve(wanted.port)


def serve(port: int) -> None:
    """Answer on a port of this machine only."""
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    # What was imported stays for ever: the collector need not walk through it again.
    gc.freeze()
    gc.enable()
    with reserved_port(port) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
        server.run(sockets=[listener])


def prepare_database(database: Path, *, template: Path) -> None:
    """Copy the template; the first run of each version of Prefect makes it, and those beside it wait for that."""
    if not template.exists():
        template.parent.mkdir(parents=True, exist_ok=True)
        with _alone(template.with_suffix(".lock")):
            if not template.exists():
                _make_template(database, template)
                return
    shutil.copyfile(template, database)


def _make_template(database: Path, template: Path) -> None:
    from prefect.server.database import provide_database_interface

    asyncio.run(provide_database_interface().create_db())
    unfinished = template.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    unfinished.replace(template)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    import fcntl

    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def reserved_port(port: int = 0) -> Iterator[socket.socket]:
    """Bind a port of 127.0.0.1, any free one for 0, that only processes of this user can bind too, by this function.

    Who binds does not listen yet: whoever starts the server holds the port while the server comes up and takes it over.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", port))
        yield held


if __name__ == "__main__":
    main()
