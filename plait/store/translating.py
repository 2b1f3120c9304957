"""Turns what a database driver complains of into problems with a hint, and no password in them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from plait.store.address import database_place, secrets_of
from plait.store.errors import StoreDamaged, StoreFull, StoreLocked, StoreProblem, StoreUnreachable

_LOCKED = ("database is locked", "database table is locked", "database schema is locked")
_DAMAGED = ("file is not a database", "malformed", "no such table", "no such column", "already exists")
_LOCKED_STATES = {"55P03", "40P01", "57014"}  # lock not available, deadlock, statement timeout
_FULL_STATES = {"53100", "53200"}
_DAMAGED_STATES = {"42P01", "42703", "42P07"}  # undefined table, undefined column, table exists
_HINTS: dict[type[StoreProblem], str] = {
    StoreLocked: "another plait is writing; try again when it has finished",
    StoreFull: "free some space, then run the command again: nothing was half written",
    StoreDamaged: "move it away, or name another store: plait makes a new one (git still has all that landed)",
    StoreUnreachable: "check that it exists, that the server runs, and that you may read and write it",
}


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Inside, a driver's error becomes a StoreProblem; a broken constraint stays what it is, a bug of ours."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        kind = _kind_of(error)
        raise kind(f"the store at {database_place(url)} {_verb(kind)}: {_said(error, url)}", _HINTS[kind]) from None


def _kind_of(error: DBAPIError) -> type[StoreProblem]:
    text, state = str(error.orig), getattr(error.orig, "sqlstate", None)
    if state in _LOCKED_STATES or any(word in text for word in _LOCKED):
        return StoreLocked
    if state in _FULL_STATES or "disk is full" in text:
        return StoreFull
    if state in _DAMAGED_STATES or (state is None and any(word in text for word in _DAMAGED)):
        return StoreDamaged
    return StoreUnreachable


def _verb(kind: type[StoreProblem]) -> str:
    words = {StoreLocked: "is locked", StoreFull: "is full", StoreDamaged: "is not a store that plait can use"}
    return words.get(kind, "cannot be used")


def _said(error: DBAPIError, url: URL) -> str:
    """The driver's first line, without what the URL keeps secret."""
    line = (str(error.orig).strip().splitlines() or ["no message"])[0]
    for secret in secrets_of(url):
        line = line.replace(secret, "***")
    return line
