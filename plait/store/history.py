"""The history of runs: written whole when a run ends, read for status, report and forecast."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete, select

from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.store.engine import Store
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
from plait.store.records import BatchDuration, RoleDuration, RoleRecord, RunSummary, TaskWork
from plait.store.rows import batch_rows, outcome_from_rows, rejection_rows, run_row, task_rows
from plait.store.tables import BatchRow, RejectionRow, RunRow, TaskRow, storable


def record_run(
    store: Store,
    outcome: FeatureOutcome,
    *,
    repository: str,
    plan_hash: str,
    work: Mapping[str, TaskWork] | None = None,
) -> None:
    """Keep this run, in place of what was kept of it before; all of it or nothing.

    `repository` is the name that later questions use (the absolute path). `work` says by task id what was planned and
    what it took; without, a task took from its start to its end.
    """
    with store.writing() as session:
        _claim(session, run_row(outcome, repository=repository, plan_hash=plan_hash))
        # By hand, parents first: without relationships the session does not order rows of different tables.
        session.add_all([*task_rows(outcome, work or {}), *batch_rows(outcome)])
        session.flush()
        session.add_all(rejection_rows(outcome))


def recent_runs(store: Store, *, repository: str | None = None, limit: int = 20) -> tuple[RunSummary, ...]:
    """The newest first, of one repository or of all."""
    asked = {"repository": _asked(repository), "limit": limit}
    with store.reading() as session:
        return tuple(summary_of(row) for row in session.connection().execute(text(RECENT_RUNS), asked))


def role_durations(store: Store, repository: str, role: str | None = None) -> tuple[RoleDuration, ...]:
    """Planned and actual seconds of each task that was finished and checked, oldest first."""
    asked = {"repository": storable(repository), "role": _asked(role)}
    with store.reading() as session:
        return tuple(duration_of(row) for row in session.connection().execute(text(ROLE_DURATIONS), asked))


def role_records(store: Store, repository: str) -> tuple[RoleRecord, ...]:
    """By role, by name: how many of its tasks were finished and checked, of those that came to an end."""
    asked = {"repository": storable(repository)}
    with store.reading() as session:
        return tuple(record_of(row) for row in session.connection().execute(text(ROLE_RECORDS), asked))


def batch_durations(store: Store, repository: str, *, limit: int = 20) -> tuple[BatchDuration, ...]:
    """How long verified batches took, the newest first."""
    asked = {"repository": storable(repository), "limit": limit}
    with store.reading() as session:
        return tuple(batch_duration_of(row) for row in session.connection().execute(text(VERIFICATIONS), asked))


def find_outcome(store: Store, id_prefix: str) -> FeatureOutcome | None:
    """The run with this id, or the only one whose id begins so; CallError names the candidates when several do."""
    prefix = storable(id_prefix)
    if not prefix:
        raise CallError("which run? its id is empty", "`plait status` lists the runs")
    with store.reading() as session:
        exact = session.get(RunRow, prefix)
        # Not LIKE: SQLite's ignores case, PostgreSQL's does not.
        begins = func.substr(col(RunRow.run_id), 1, len(prefix)) == prefix
        matching = [exact] if exact else _runs(session, begins, limit=6)
        if len(matching) > 1:
            raise _ambiguous(id_prefix, matching)
        return _whole(session, matching[0]) if matching else None


def latest_run(store: Store, repository: str, feature: str | None = None) -> FeatureOutcome | None:
    """The run of this repository, and feature, that started last."""
    wanted = col(RunRow.repository) == storable(repository)
    if feature is not None:
        wanted &= col(RunRow.feature) == storable(feature)
    with store.reading() as session:
        latest = _runs(session, wanted, limit=1)
        return _whole(session, latest[0]) if latest else None


def _asked(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _claim(session: Session, run: RunRow) -> None:
    """Write the run's row and drop what hung on it; one statement locks it, so that two recorders cannot mix."""
    connection, values = session.connection(), run.model_dump()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(RunRow).values(values).on_conflict_do_update(index_elements=["run_id"], set_=values))
    for table in (TaskRow, BatchRow):
        session.exec(delete(table).where(col(table.run_id) == storable(run.run_id)))


def _runs(session: Session, wanted: ColumnElement[bool], *, limit: int) -> list[RunRow]:
    newest = select(RunRow).where(wanted).order_by(col(RunRow.started_at).desc(), col(RunRow.run_id).desc())
    return list(session.exec(newest.limit(limit)))


def _whole(session: Session, run: RunRow) -> FeatureOutcome:
    tasks = select(TaskRow).where(TaskRow.run_id == run.run_id).order_by(col(TaskRow.position))
    batches = select(BatchRow).where(BatchRow.run_id == run.run_id).order_by(col(BatchRow.position))
    rejections = (
        select(RejectionRow)
        .where(RejectionRow.run_id == run.run_id)
        .order_by(col(RejectionRow.batch), col(RejectionRow.position))
    )
    return outcome_from_rows(
        run, session.exec(tasks).all(), session.exec(batches).all(), session.exec(rejections).all()
    )


def _ambiguous(id_prefix: str, matching: list[RunRow]) -> CallError:
    names = ", ".join(f"{run.run_id} ({run.feature}, {run.started_at:%Y-%m-%d %H:%M})" for run in matching[:5])
    more = ", …" if len(matching) > 5 else ""
    return CallError(f"several runs begin with {id_prefix!r}: {names}{more}", "write more of the id")
