"""Where a store is: a file or a URL, checked, and named in messages without its secrets."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from plait.plans.errors import CallError

_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
_HINT = "write sqlite:////absolute/path/plait.db or postgresql://user:password@host:5432/database"


def checked_address(where: str | Path) -> URL:
    """The URL with the driver that plait uses; CallError when it is not one of ours."""
    if isinstance(where, Path):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # `from None`, and the text is not repeated: it may hold a password.
        raise CallError("the store's URL cannot be read", _HINT) from None
    if url.drivername in _POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise CallError(f"a store on {url.drivername!r} is not possible, only SQLite and PostgreSQL", _HINT)
    if url.database in {None, "", ":memory:"}:
        raise CallError("a SQLite store needs a file: a run's history has to outlive its process", _HINT)
    return url


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def database_place(url: URL) -> str:
    """The file, or host and database: what a message may show."""
    if is_sqlite(url):
        return str(url.database)
    host = url.host or str(url.query.get("host") or "localhost")
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def secrets_of(url: URL) -> tuple[str, ...]:
    """Whatever a driver could repeat from the URL that nobody should read, longest first."""
    queried = [str(value) for key, value in url.query.items() if "pass" in key.lower()]
    return tuple(sorted((word for word in [str(url.password or ""), *queried] if word), key=len, reverse=True))
