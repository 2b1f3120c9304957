"""The lock files that a killed git leaves: told apart from those of a living one, and removed where they are ours."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from plait.workspace.errors import GitFailed

STALE_LOCK = 5.0
"""Seconds after which a ref's lock file was left by a killed git: an honest one lives for milliseconds."""

_LOCK_IN_THE_WAY = re.compile(r"Unable to create '(.+\.lock)': File exists")


def past_stale_locks(action: Callable[[], object], *, ours: Callable[[Path], bool]) -> None:
    """Do it, and once more when the lock file of a killed git was in the way; anybody's live lock is left alone.

    Args:
        ours: Whether a lock file may go; others of the user's repository never do.

    Raises:
        GitFailed: as the action, where no lock was in the way, or one that stays.
    """
    try:
        action()
    except GitFailed as failure:
        lock = _LOCK_IN_THE_WAY.search(failure.stderr)
        if not lock or not ours(Path(lock[1])) or not _outlived(Path(lock[1])):
            raise
        action()


def _outlived(lock: Path) -> bool:
    """Wait until the lock is gone, or remove it when untouched for `STALE_LOCK`; false when others keep taking it."""
    watched: tuple[int, int] | None = None
    since = time.monotonic()
    deadline = since + 3 * STALE_LOCK
    while time.monotonic() < deadline:
        try:
            status = lock.stat()
        except FileNotFoundError:
            return True
        if (status.st_ino, status.st_mtime_ns) != watched:
            watched, since = (status.st_ino, status.st_mtime_ns), time.monotonic()
        # Watched, too, because the clock may have been set back since the lock was left.
        if time.time() - status.st_mtime >= STALE_LOCK or time.monotonic() - since >= STALE_LOCK:
            lock.unlink(missing_ok=True)
            return True
        time.sleep(0.05)
    return False
