"""The reading questions in SQL that SQLite and PostgreSQL share, and what their rows mean."""

from collections.abc import Sequence
from typing import Any

from plait.plans.tasks.outcomes import RunState
from plait.store.moments import from_milliseconds
from plait.store.records import BatchDuration, RoleDuration, RoleRecord, RunSummary

# PostgreSQL wants the type of a parameter that is only compared with NULL.
RECENT_RUNS = """
SELECT run_id, repository, feature, state, branch, "commit", started_at, ended_at, elapsed_seconds,
       (SELECT count(*) FROM tasks WHERE tasks.run_id = runs.run_id AND tasks.state = 'landed'),
       (SELECT count(*) FROM tasks WHERE tasks.run_id = runs.run_id)
FROM runs
WHERE CAST(:repository AS TEXT) IS NULL OR repository = :repository
ORDER BY started_at DESC, run_id DESC
LIMIT :limit
"""

# Only work that was harvested and checked says how long such work takes.
ROLE_DURATIONS = """
SELECT tasks.role, tasks.id, tasks.planned_seconds, tasks.actual_seconds
FROM tasks JOIN runs ON runs.run_id = tasks.run_id
WHERE runs.repository = :repository AND (CAST(:role AS TEXT) IS NULL OR tasks.role = :role)
  AND tasks.state IN ('done', 'landed', 'held') AND tasks.actual_seconds IS NOT NULL
ORDER BY runs.started_at, runs.run_id, tasks.position
"""

# What never had an agent says nothing of one.
ROLE_RECORDS = """
SELECT tasks.role, sum(CASE WHEN tasks.state IN ('done', 'landed', 'held') THEN 1 ELSE 0 END), count(*)
FROM tasks JOIN runs ON runs.run_id = tasks.run_id
WHERE runs.repository = :repository AND tasks.tries > 0 AND tasks.agent IS NOT NULL
  AND tasks.state IN ('done', 'landed', 'held', 'failed')
GROUP BY tasks.role
ORDER BY tasks.role
"""

# The newest say best how long it takes now.
VERIFICATIONS = """
SELECT batches.ended_at - batches.started_at, batches.verifications
FROM batches JOIN runs ON runs.run_id = batches.run_id
WHERE runs.repository = :repository AND batches.verifications > 0
  AND batches.started_at IS NOT NULL AND batches.ended_at IS NOT NULL
ORDER BY runs.started_at DESC, runs.run_id DESC, batches.position DESC
LIMIT :limit
"""


def summary_of(row: Sequence[Any]) -> RunSummary:
    run_id, repository, feature, state, branch, commit, started, ended, elapsed, landed, tasks = row
    return RunSummary(
        run_id=run_id,
        repository=repository,
        feature=feature,
        state=RunState(state),
        branch=branch,
        commit=commit,
        started_at=from_milliseconds(started),
        ended_at=None if ended is None else from_milliseconds(ended),
        elapsed_seconds=elapsed,
        landed=landed,
        tasks=tasks,
    )


def duration_of(row: Sequence[Any]) -> RoleDuration:
    role, task, planned, actual = row
    return RoleDuration(role=role, task=task, planned_seconds=_number(planned), actual_seconds=_number(actual) or 0.0)


def record_of(row: Sequence[Any]) -> RoleRecord:
    role, succeeded, tried = row
    return RoleRecord(role=str(role), succeeded=int(succeeded), tried=int(tried))


def _number(value: Any) -> float | None:
    """SQLite keeps whatever is written into a column: nothing for what is no number."""
    return value if isinstance(value, int | float) else None


def batch_duration_of(row: Sequence[Any]) -> BatchDuration:
    milliseconds, verifications = row
    return BatchDuration(seconds=milliseconds / 1000, verifications=verifications)
