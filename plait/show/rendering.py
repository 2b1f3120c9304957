"""A run's outcome as the one JSON object that `plait run --json` prints."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, TaskOutcome
from plait.show.progress import Progress


def outcome_json(outcome: FeatureOutcome) -> str:
    """Indented JSON in ASCII; the keys are a promise to scripts, times are ISO 8601 in UTC with milliseconds."""
    return json.dumps(outcome_record(outcome), indent=2, allow_nan=False)


def status_json(outcome: FeatureOutcome, progress: Progress | None) -> str:
    """The same, and while the run goes on its `progress`: totals, agents at work, ETA, what persons are waited for."""
    far = {"progress": progress.model_dump(mode="json")} if progress else {}
    return json.dumps(outcome_record(outcome) | far, indent=2)


def outcome_record(outcome: FeatureOutcome) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "run_id": outcome.run_id,
        "feature": outcome.feature,
        "state": outcome.state.value,
        "branch": outcome.branch,
        "commit": outcome.commit,
        "started_at": iso_moment(outcome.started_at),
        "ended_at": iso_moment(outcome.ended_at),
        "elapsed_seconds": finite(outcome.elapsed_seconds),
        "bound_seconds": finite(outcome.bound_seconds),
        "tasks": [_task(task) for task in outcome.singly().tasks],
        "batches": [_batch(batch) for batch in outcome.batches],
        "salvage": list(outcome.salvage),
        "unsupported": list(outcome.unsupported),
        **({"contracts": [one.model_dump(mode="json") for one in outcome.contracts]} if outcome.contracts else {}),
    }


def iso_moment(moment: datetime | None) -> str | None:
    """`2026-11-20T09:00:00.123+00:00`; ValueError for a time without zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _task(task: TaskOutcome) -> dict[str, Any]:
    return {
        "id": task.id,
        "role": task.role,
        "agent": task.agent,
        "state": task.state.value,
        "branch": task.branch,
        "commit": task.commit,
        "started_at": iso_moment(task.started_at),
        "ended_at": iso_moment(task.ended_at),
        "tries": task.tries,
        "reason": task.reason,
        **({"bundle": task.bundle} if task.bundle else {}),
        **({"usage": task.usage.model_dump(mode="json")} if task.usage else {}),
    }


def _batch(batch: BatchOutcome) -> dict[str, Any]:
    return {
        "id": batch.id,
        "state": batch.state.value,
        "commit": batch.commit,
        "tree": batch.tree,
        "verifications": batch.verifications,
        "landed": list(batch.landed),
        "rejected": [
            {"task": no.task, "kind": no.kind, "partner": no.partner, "files": list(no.files), "reason": no.reason}
            for no in batch.rejected
        ],
        "held": [{"task": held.task, "by": held.by} for held in batch.held],
    }


def finite(figure: float, *, digits: int = 3) -> float | None:
    """A figure as JSON can have it, rounded."""
    # JSON knows no infinity; a bound can be one only by a bug, and that must not cost the user the whole record.
    return round(figure, digits) if math.isfinite(figure) else None
