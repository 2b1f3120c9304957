"""Outcomes to rows and back: the only place that knows both."""

from collections.abc import Mapping, Sequence

from plait.plans.tasks.outcomes import BatchOutcome, BatchState, FeatureOutcome, Held, Rejection, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage
from plait.store.records import TaskWork
from plait.store.tables import BatchRow, RejectionRow, RunRow, TaskRow


def run_row(outcome: FeatureOutcome, *, repository: str, plan_hash: str) -> RunRow:
    return RunRow(
        run_id=outcome.run_id,
        repository=repository,
        feature=outcome.feature,
        plan_hash=plan_hash,
        state=outcome.state.value,
        branch=outcome.branch,
        commit=outcome.commit,
        started_at=outcome.started_at,
        ended_at=outcome.ended_at,
        elapsed_seconds=outcome.elapsed_seconds,
        bound_seconds=outcome.bound_seconds,
        salvage=outcome.salvage,
        unsupported=outcome.unsupported,
        reason=outcome.reason,
    )


def task_rows(outcome: FeatureOutcome, work: Mapping[str, TaskWork]) -> list[TaskRow]:
    """In the outcome's order; `work` by task id."""
    return [
        _task_row(outcome.run_id, number, task, work.get(task.id, TaskWork()))
        for number, task in enumerate(outcome.tasks)
    ]


_USAGE = tuple(Usage.model_fields)
"""Columns of the same names."""


def _task_row(run_id: str, position: int, task: TaskOutcome, work: TaskWork) -> TaskRow:
    return TaskRow(
        run_id=run_id,
        position=position,
        id=task.id,
        role=task.role,
        agent=task.agent,
        state=task.state.value,
        branch=task.branch,
        commit=task.commit,
        started_at=task.started_at,
        ended_at=task.ended_at,
        tries=task.tries,
        reason=task.reason,
        planned_seconds=work.planned_seconds,
        actual_seconds=_span(task) if work.actual_seconds is None else work.actual_seconds,
        backend=work.backend,
        complexity=work.complexity,
        review_score=work.review_score,
        **(task.usage.model_dump() if task.usage else {}),
    )


def _span(task: TaskOutcome) -> float | None:
    if task.started_at is None or task.ended_at is None:
        return None
    return max(0.0, (task.ended_at - task.started_at).total_seconds())


def batch_rows(outcome: FeatureOutcome) -> list[BatchRow]:
    return [_batch_row(outcome.run_id, number, batch) for number, batch in enumerate(outcome.batches)]


def _batch_row(run_id: str, position: int, batch: BatchOutcome) -> BatchRow:
    return BatchRow(
        run_id=run_id,
        position=position,
        id=batch.id,
        state=batch.state.value,
        commit=batch.commit,
        tree=batch.tree,
        verifications=batch.verifications,
        verified=batch.verified,
        landed=batch.landed,
        held=[(held.task, held.by) for held in batch.held],
        started_at=batch.started_at,
        ended_at=batch.ended_at,
        reason=batch.reason,
    )


def rejection_rows(outcome: FeatureOutcome) -> list[RejectionRow]:
    return [
        RejectionRow(
            run_id=outcome.run_id,
            batch=batch_number,
            position=number,
            task=rejection.task,
            kind=rejection.kind,
            partner=rejection.partner,
            files=rejection.files,
            reason=rejection.reason,
        )
        for batch_number, batch in enumerate(outcome.batches)
        for number, rejection in enumerate(batch.rejected)
    ]


def outcome_from_rows(
    run: RunRow, tasks: Sequence[TaskRow], batches: Sequence[BatchRow], rejections: Sequence[RejectionRow]
) -> FeatureOutcome:
    """What was recorded, with times in UTC to the millisecond; rows come in order of position."""
    return FeatureOutcome(
        run_id=run.run_id,
        feature=run.feature,
        state=RunState(run.state),
        branch=run.branch,
        commit=run.commit,
        started_at=run.started_at,
        ended_at=run.ended_at,
        elapsed_seconds=run.elapsed_seconds,
        bound_seconds=run.bound_seconds,
        tasks=tuple(_task_of(task) for task in tasks),
        batches=tuple(
            _batch_of(batch, [row for row in rejections if row.batch == batch.position]) for batch in batches
        ),
        salvage=tuple(run.salvage),
        unsupported=tuple(run.unsupported),
        reason=run.reason,
    )


def _task_of(row: TaskRow) -> TaskOutcome:
    return TaskOutcome(
        id=row.id,
        role=row.role,
        agent=row.agent,
        state=TaskState(row.state),
        branch=row.branch,
        commit=row.commit,
        started_at=row.started_at,
        ended_at=row.ended_at,
        tries=row.tries,
        reason=row.reason,
        usage=_usage_of(row),
    )


def _usage_of(row: TaskRow) -> Usage | None:
    return None if row.exact is None else Usage.model_validate({name: getattr(row, name) for name in _USAGE})


def _batch_of(row: BatchRow, rejections: Sequence[RejectionRow]) -> BatchOutcome:
    return BatchOutcome(
        id=row.id,
        state=BatchState(row.state),
        commit=row.commit,
        tree=row.tree,
        verifications=row.verifications,
        verified=row.verified,
        landed=tuple(row.landed),
        rejected=tuple(_rejection_of(rejection) for rejection in rejections),
        held=tuple(Held(task=task, by=by) for task, by in row.held),
        started_at=row.started_at,
        ended_at=row.ended_at,
        reason=row.reason,
    )


def _rejection_of(row: RejectionRow) -> Rejection:
    return Rejection.model_validate(
        {
            "task": row.task,
            "kind": row.kind,
            "partner": row.partner,
            "files": tuple(row.files),
            "reason": row.reason,
        }
    )
