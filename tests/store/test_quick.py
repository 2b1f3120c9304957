"""The quick reader says what the full one says, or nothing."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from plait.store.engine import open_store
from plait.store.history import batch_durations, recent_runs, record_run, role_durations, role_records
from plait.store.quick import quick_batch_durations, quick_recent_runs, quick_role_durations, quick_role_records
from tests.support.outcomes import an_outcome, at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with three runs in two repositories, at a path that a URL would misread."""
    file = tmp_path / "what?now#50%25.db"
    with open_store(file) as store:
        for number, repository in enumerate(["/shop", "/bank", "/shop"]):
            run = an_outcome(run_id=f"run-{number}", started_at=at(number))
            record_run(store, run, repository=repository, plan_hash="hash")
    return file


def test_the_quick_reader_agrees_with_the_full_one(file: Path) -> None:
    with open_store(file) as store:
        assert quick_recent_runs(file) == recent_runs(store)
        assert quick_recent_runs(file, repository="/shop", limit=1) == recent_runs(store, repository="/shop", limit=1)
        assert quick_role_durations(file, "/shop") == role_durations(store, "/shop")
        assert quick_role_durations(file, "/shop", "qa") == role_durations(store, "/shop", "qa")
        assert quick_role_records(file, "/shop") == role_records(store, "/shop") != ()
        assert quick_batch_durations(file, "/shop") == batch_durations(store, "/shop")
        assert quick_batch_durations(file, "/shop", limit=1) == batch_durations(store, "/shop", limit=1)


def test_it_reads_while_nobody_has_the_store_open(file: Path) -> None:
    assert [run.run_id for run in quick_recent_runs(file) or ()] == ["run-2", "run-1", "run-0"]


def test_what_has_to_be_opened_in_full_is_nothing(tmp_path: Path, file: Path) -> None:
    (tmp_path / "other").write_text("no database")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE plait_version SET version_num = '9999'")
        connection.commit()

    assert quick_recent_runs(file) is None
    assert quick_recent_runs(tmp_path / "other") is None
    assert quick_role_durations(tmp_path / "missing", "/shop") is None
    assert quick_batch_durations(file, "/shop") is None
    assert not (tmp_path / "missing").exists()


def test_it_needs_none_of_the_sql_libraries() -> None:
    script = "import sys, plait.store.quick; print({'sqlalchemy', 'sqlmodel', 'alembic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
