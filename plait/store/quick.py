"""Answers `plait status` from a SQLite store in milliseconds, without importing the SQL libraries (0.2-1.5 s)."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from plait.store.queries import (
    RECENT_RUNS,
    ROLE_DURATIONS,
    ROLE_RECORDS,
    VERIFICATIONS,
    batch_duration_of,
    duration_of,
    record_of,
    summary_of,
)
from plait.store.records import BatchDuration, RoleDuration, RoleRecord, RunSummary
from plait.store.versions import HEAD, READ_VERSION


def quick_recent_runs(file: Path, *, repository: str | None = None, limit: int = 20) -> tuple[RunSummary, ...] | None:
    """As `history.recent_runs`; nothing when the store has to be opened in full (made, upgraded, or complained of)."""
    rows = _read(file, RECENT_RUNS, {"repository": repository, "limit": limit})
    return None if rows is None else tuple(summary_of(row) for row in rows)


def quick_role_durations(file: Path, repository: str, role: str | None = None) -> tuple[RoleDuration, ...] | None:
    """As `history.role_durations`; nothing when the store has to be opened in full."""
    rows = _read(file, ROLE_DURATIONS, {"repository": repository, "role": role})
    return None if rows is None else tuple(duration_of(row) for row in rows)


def quick_batch_durations(file: Path, repository: str, *, limit: int = 20) -> tuple[BatchDuration, ...] | None:
    """As `history.batch_durations`; nothing when the store has to be opened in full."""
    rows = _read(file, VERIFICATIONS, {"repository": repository, "limit": limit})
    return None if rows is None else tuple(batch_duration_of(row) for row in rows)


def quick_role_records(file: Path, repository: str) -> tuple[RoleRecord, ...] | None:
    """As `history.role_records`; nothing when the store has to be opened in full."""
    rows = _read(file, ROLE_RECORDS, {"repository": repository})
    return None if rows is None else tuple(record_of(row) for row in rows)


def _read(file: Path, question: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as connection:
            if connection.execute(READ_VERSION).fetchone() != (HEAD,):
                return None
            return connection.execute(question, asked).fetchall()
    except (sqlite3.Error, UnicodeEncodeError):
        return None
