"""What persons have to say to the next try of a task: kept beside the control repository until an agent was told it."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plait.workspace.control import Control
from plait.workspace.small_files import read_plain_file, write_whole

_FOLDER = "notes"
MOST = 20
"""Notes that one task may have waiting."""
LONGEST = 4_000
"""Characters of one."""


@dataclass(frozen=True, slots=True)
class PersonsNote:
    """A note to whoever does a task next."""

    task: str
    by: str
    at: str
    """When, as ISO 8601."""
    text: str


def waiting_notes(control: Control, feature: str) -> tuple[PersonsNote, ...]:
    """The notes that no agent has been told yet, oldest first; what cannot be read is none."""
    try:
        rows = json.loads(read_plain_file(_place(control, feature)))
    except (OSError, ValueError):
        return ()
    return tuple(filter(None, map(read_note, rows))) if isinstance(rows, list) else ()


def leave_note(control: Control, feature: str, note: PersonsNote) -> int:
    """Keep a note, and give how many the task has waiting now; nothing is kept where it has `MOST` already.

    Raises:
        OSError: it cannot be written.
    """
    with _alone(control, feature):
        notes = waiting_notes(control, feature)
        there = sum(other.task == note.task for other in notes)
        if there < MOST:
            _write(control, feature, (*notes, note))
        return there + 1


def take_notes(control: Control, feature: str, tasks: Sequence[str]) -> tuple[PersonsNote, ...]:
    """The notes to these tasks, which nobody else gets any more."""
    if not _place(control, feature).exists():
        return ()
    with _alone(control, feature):
        notes = waiting_notes(control, feature)
        taken = tuple(note for note in notes if note.task in tasks)
        if taken:
            _write(control, feature, tuple(note for note in notes if note not in taken))
        return taken


def read_note(row: Any) -> PersonsNote | None:
    """A note from its JSON; nothing where that is none."""
    try:
        texts = {key: row[key] for key in ("task", "by", "at", "text")}
    except (KeyError, TypeError):
        return None
    return PersonsNote(**texts) if all(isinstance(text, str) for text in texts.values()) else None


def _write(control: Control, feature: str, notes: Sequence[PersonsNote]) -> None:
    if notes:
        write_whole(_place(control, feature), json.dumps([asdict(note) for note in notes], indent=1))
    else:
        with suppress(FileNotFoundError):
            _place(control, feature).unlink()


def _place(control: Control, feature: str) -> Path:
    return control.directory / _FOLDER / f"{feature}.json"


@contextmanager
def _alone(control: Control, feature: str) -> Iterator[None]:
    lock = control.directory / _FOLDER / f"{feature}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
