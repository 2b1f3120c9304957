"""SQLite keeps text in a column of numbers when it is told to: whoever reads it gets numbers all the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

from plait.store.engine import open_store
from plait.store.history import record_run, role_durations
from plait.store.quick import quick_role_durations
from plait.store.records import TaskWork
from tests.support.outcomes import an_outcome


def test_text_in_place_of_seconds_counts_as_nothing(tmp_path: Path) -> None:
    file, run = tmp_path / "plait.db", an_outcome()
    work = {task.id: TaskWork(planned_seconds=60.0, actual_seconds=60.0) for task in run.tasks}
    with open_store(file) as store:
        record_run(store, run, repository="/shop", plan_hash="hash", work=work)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE tasks SET planned_seconds = 'soon', actual_seconds = 'long'")
        connection.commit()

    found = quick_role_durations(file, "/shop")

    assert found
    assert {(one.planned_seconds, one.actual_seconds) for one in found} == {(None, 0.0)}
    with open_store(file) as store:
        assert role_durations(store, "/shop") == found
