"""Where a task stands: apart from outcomes, whose models take longer to make than `check` has."""

from enum import StrEnum


class TaskState(StrEnum):
    """Where a task stands (SEMANTICS, States)."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    LANDED = "landed"
    FAILED = "failed"
    BLOCKED = "blocked"
    HELD = "held"
    CANCELLED = "cancelled"
