"""Builders of outcomes, as a run leaves them behind."""

from datetime import UTC, datetime, timedelta
from typing import Any

from plait.plans.tasks.outcomes import BatchOutcome, BatchState, FeatureOutcome, Held, Rejection, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState

START = datetime(2026, 11, 20, 9, 0, 0, 123000, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the run's start."""
    return START + timedelta(seconds=seconds)


def a_task(
    task: str,
    role: str = "backend",
    *,
    start: float | None = 0,
    end: float | None = 60,
    state: TaskState = TaskState.LANDED,
    agent: str | None = None,
    tries: int = 1,
    reason: str | None = None,
) -> TaskOutcome:
    """Ran from `start` to `end`, in seconds of the run; nothing: it did not."""
    return TaskOutcome(
        id=task,
        role=role,
        agent=agent or (f"{role}-1" if start is not None else None),
        state=state,
        branch=f"feature/cart/agent/{role}/{task}" if start is not None else None,
        commit="c" * 40 if state in {TaskState.LANDED, TaskState.DONE, TaskState.HELD} else None,
        started_at=None if start is None else at(start),
        ended_at=None if end is None or start is None else at(end),
        tries=tries if start is not None else 0,
        reason=reason,
    )


def a_batch(name: str = "batch-1", **fields: Any) -> BatchOutcome:
    """Landed, unless told otherwise."""
    return BatchOutcome(
        **{
            "id": name,
            "state": BatchState.LANDED,
            "commit": "d" * 40,
            "tree": "e" * 40,
            "verifications": 1,
            "started_at": at(100),
            "ended_at": at(120),
            **fields,
        }
    )


def an_outcome(**fields: Any) -> FeatureOutcome:
    """A cart that landed in part: one conflict, one held with it, one that never ran."""
    return FeatureOutcome(
        **{
            "run_id": "run-0001",
            "feature": "cart",
            "state": RunState.PARTIAL,
            "branch": "feature/cart/integration",
            "commit": "d" * 40,
            "started_at": START,
            "ended_at": at(200),
            "elapsed_seconds": 200.0,
            "bound_seconds": 180.0,
            "tasks": (
                a_task("MODEL", "architect", start=0, end=40),
                a_task("API", "backend", start=40, end=100, tries=2),
                a_task("PAGE", "frontend", start=41, end=90, state=TaskState.FAILED, reason="conflict with API"),
                a_task("TESTS", "qa", start=45, end=95, state=TaskState.HELD, reason="needs PAGE, which was rejected"),
                a_task("RELEASE", "qa", start=None, state=TaskState.BLOCKED, reason="PAGE failed"),
            ),
            "batches": (
                a_batch(
                    state=BatchState.PART_LANDED,
                    verifications=3,
                    landed=("MODEL", "API"),
                    rejected=(
                        Rejection(
                            task="PAGE",
                            kind="conflict",
                            partner="API",
                            files=("src/cart.py", "src/shop.py"),
                            reason="both changed the total",
                        ),
                    ),
                    held=(Held(task="TESTS", by="PAGE"),),
                ),
            ),
            "salvage": ("feature/cart/salvage/API/1",),
            "unsupported": ("budget",),
            **fields,
        }
    )
