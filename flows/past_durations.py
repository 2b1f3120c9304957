"""What earlier runs of a repository took, read without the SQL libraries where possible; and where it is kept."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from plait.advice.forecasts.reforecasting import Verified, verification_lengths
from plait.plans.errors import PlaitError
from plait.plans.language.model import Plan
from plait.workspace.places import is_file

if TYPE_CHECKING:
    from plait.store.records import BatchDuration, RoleDuration, RoleRecord

Kept = TypeVar("Kept")

_NAMED: ContextVar[str | None] = ContextVar("plait_store", default=None)
"""The store that the run in this context was given by name."""


@contextmanager
def history_in(address: str | None) -> Iterator[None]:
    """Read and write histories in this store; nothing: in the usual one."""
    token = _NAMED.set(address)
    try:
        yield
    finally:
        _NAMED.reset(token)


def history_address() -> str:
    """The URL of the store that histories are in; empty when it is the database in PLAIT_HOME."""
    return _NAMED.get() or os.environ.get("PLAIT_STORE_URL") or ""


def history_of(repository: Path) -> "tuple[RoleDuration, ...]":
    """What finished tasks took in this repository, oldest first; nothing without repository, history, or access to it.

    A SQLite history is read without the SQL libraries, which take longer to import than all else takes to run.
    """
    return _asked(repository, _durations)


def records_of(repository: Path) -> "tuple[RoleRecord, ...]":
    """How often work of each role was good in this repository; as `history_of`."""
    return _asked(repository, _records)


def verifications_of(repository: Path, plan: Plan) -> tuple[float, ...]:
    """Seconds that single verifications took in this repository, newest first; nothing where the plan has none."""
    if not plan.integration.verify and not any(contract.tests for contract in plan.contracts):
        return ()
    batches = _asked(repository, _batches)
    return verification_lengths(Verified(batch.seconds, batch.verifications) for batch in batches)


def _asked(repository: Path, read: Callable[[Path | None, str, str], tuple[Kept, ...]]) -> tuple[Kept, ...]:
    try:
        url = history_address()
        file = _sqlite_file(url)
        if file is not None and not is_file(file):
            return ()
        from plait.workspace.git import repository_around

        key = repository_around(repository)
        return () if key is None else read(file, url, key)
    except PlaitError:
        return ()


def _sqlite_file(url: str) -> Path | None:
    """The file of the history; nothing when it is in another database."""
    if not url:
        from plait.workspace.home import database_file, home_path

        return database_file(home_path())
    scheme, _, place = url.partition(":///")
    return Path(place.partition("?")[0]) if scheme in {"sqlite", "sqlite+pysqlite"} and place else None


def _durations(file: Path | None, url: str, key: str) -> "tuple[RoleDuration, ...]":
    if file is not None:
        from plait.store.quick import quick_role_durations

        quick = quick_role_durations(file, key)
        if quick is not None:
            return quick
    from plait.store.engine import open_store
    from plait.store.history import role_durations

    return tuple(role_durations(open_store(file or url), key))


def _records(file: Path | None, url: str, key: str) -> "tuple[RoleRecord, ...]":
    if file is not None:
        from plait.store.quick import quick_role_records

        quick = quick_role_records(file, key)
        if quick is not None:
            return quick
    from plait.store.engine import open_store
    from plait.store.history import role_records

    return role_records(open_store(file or url), key)


def _batches(file: Path | None, url: str, key: str) -> "tuple[BatchDuration, ...]":
    if file is not None:
        from plait.store.quick import quick_batch_durations

        quick = quick_batch_durations(file, key)
        if quick is not None:
            return quick
    from plait.store.engine import open_store
    from plait.store.history import batch_durations

    return batch_durations(open_store(file or url), key)
