"""A flow for tests of servers and workers: it says where it ran."""

import os
from pathlib import Path

from prefect import flow, task


@task
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@flow(name="tiny", persist_result=True)
def tiny(number: int = 1) -> dict[str, str]:
    """Double a number in a task, and tell what a run sees.

    Args:
        number: What to double.
    """
    return {
        "doubled": str(double.submit(number).result()),
        "directory": str(Path.cwd()),
        "home": os.environ.get("PLAIT_HOME", ""),
        "path": os.environ.get("PATH", ""),
        "url": os.environ.get("PREFECT_API_URL", ""),
    }
