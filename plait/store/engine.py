"""Opens a store: SQLite or PostgreSQL, its tables made or brought to this version by whoever comes first."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlmodel import Session

from plait.store.address import checked_address, database_place, is_sqlite
from plait.store.errors import StoreTooNew, StoreUnreachable
from plait.store.translating import translated
from plait.store.versions import HEAD, READ_VERSION, VERSION_TABLE, VERSIONS

_MIGRATIONS = Path(__file__).parent / "migrations"
# Alembic keeps its context in a module: two threads may not migrate at once, not even two stores.
_MIGRATING = threading.Lock()
# Any number that no other program on the server would choose for its advisory locks.
_ADVISORY_LOCK = 0x706C616974  # "plait"
_WRITES = "plait_writes"


@dataclass(frozen=True, slots=True)
class Store:
    """An open store at this plait's schema version; safe to share between threads, not over a fork."""

    engine: Engine

    @property
    def place(self) -> str:
        """The file, or host and database, without secrets."""
        return database_place(self.engine.url)

    def reading(self) -> AbstractContextManager[Session]:
        """One consistent view; nothing that is changed in it is kept."""
        return _session(self.engine, _opened(self.engine))

    def writing(self) -> AbstractContextManager[Session]:
        """One transaction: all of it is kept, or nothing when an error leaves the block."""
        return _session(self.engine, self.engine.execution_options(**{_WRITES: True}).begin())

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(where: str | Path, *, busy_seconds: float = 10.0) -> Store:
    """The store at a SQLite file's path, a `sqlite:///` or a `postgresql://` URL, made or upgraded where need be.

    `busy_seconds`: how long a locked store is waited for. Raises CallError for a URL that is none of ours, and
    StoreUnreachable, StoreLocked, StoreFull, StoreDamaged or StoreTooNew, whose messages never hold a password.
    """
    url = checked_address(where)
    engine = _sqlite_engine(url, busy_seconds) if is_sqlite(url) else _postgres_engine(url, busy_seconds)
    try:
        _bring_to_head(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


def version_at(where: str, *, patience: int) -> tuple[str | None, str]:
    """The schema version of the store at a URL (nothing where there are no tables yet), and its place; nothing is made.

    `patience`: seconds to wait for its server. Raises CallError and StoreUnreachable as `open_store`.
    """
    url = checked_address(where)
    arguments = {"timeout": patience} if is_sqlite(url) else {"connect_timeout": patience}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        with translated(url), engine.connect() as connection:
            known = inspect(connection).has_table(VERSION_TABLE)
            row = connection.exec_driver_sql(READ_VERSION).fetchone() if known else None
            return (str(row[0]) if row else None), database_place(url)
    finally:
        engine.dispose()


def _sqlite_engine(url: URL, busy_seconds: float) -> Engine:
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnreachable(
            f"the folder of the store {database_place(url)} cannot be made: {error.strerror}",
            "name a folder you may write",
        ) from None
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver's own BEGIN is deferred: a transaction that reads, then writes, would get "locked" without any wait.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_engine(url: URL, busy_seconds: float) -> Engine:
    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=2, connect_args=timeout)
    except ImportError:
        raise StoreUnreachable(
            "a store on PostgreSQL needs the psycopg driver", "pip install 'prefect-plait[postgres]'"
        ) from None

    def limit_waiting(connection: DBAPIConnection, _record: object) -> None:
        connection.execute(f"SET lock_timeout = {int(busy_seconds * 1000)}")
        connection.commit()

    event.listen(engine, "connect", limit_waiting)
    return engine


@contextmanager
def _opened(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@contextmanager
def _session(engine: Engine, opening: AbstractContextManager[Connection]) -> Iterator[Session]:
    with translated(engine.url), opening as connection, Session(bind=connection) as session:
        yield session
        session.flush()


def _bring_to_head(engine: Engine) -> None:
    """Reads one row when there is nothing to do; else one process migrates while the others wait."""
    with translated(engine.url):
        with engine.connect() as connection:
            if _version(connection) == HEAD:
                return
        with _MIGRATING, engine.execution_options(**{_WRITES: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            if _version(connection) != HEAD:
                _migrate(connection)


def _version(connection: Connection) -> str | None:
    """The schema's version, nothing for a new store; StoreTooNew for one that this plait does not know."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.exec_driver_sql(READ_VERSION).scalar()
    if version is not None and version not in VERSIONS:
        raise StoreTooNew(
            f"the store at {database_place(connection.engine.url)} has schema {version}, this plait knows up to {HEAD}",
            "upgrade plait, or name another store",
        )
    return version


def _migrate(connection: Connection) -> None:
    # Alembic takes 0.1-0.3 s to import; a store at head never needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
