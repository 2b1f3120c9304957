"""What persons tell an agent: their notes are taken when its try begins, and told to each try of that dispatch."""

import json
from contextlib import suppress
from dataclasses import asdict

from plait.agent_tasks.workshop import Workshop
from plait.plans.journal.events import NoteTold
from plait.plans.tasks.work import WorkOrder
from plait.plans.wording import fenced, one_line
from plait.workspace.persons_notes import PersonsNote, read_note, take_notes
from plait.workspace.small_files import read_plain_file, write_whole

_TOLD = "told.json"


def notes_section(order: WorkOrder, shop: Workshop) -> str:
    """What persons have said to this task since it was started last, quoted as theirs; nothing where nobody did."""
    notes = [note for note in _told(order, shop) if note.text.strip()]
    if not notes:
        return ""
    quoted = "\n\n".join(
        f"{one_line(note.by, 100)} says ({one_line(note.at, 40)}):\n\n{fenced(note.text)}" for note in notes
    )
    return f"## What a person tells you\n\n{quoted}"


def _told(order: WorkOrder, shop: Workshop) -> tuple[PersonsNote, ...]:
    """The notes of this dispatch, the new ones taken. A disk that is full, say, keeps no agent from its work."""
    place = shop.folder_of(order.task.id) / _TOLD
    before: list[dict[str, str]] = []
    with suppress(OSError, ValueError, TypeError, AttributeError):
        before = [row for row in json.loads(read_plain_file(place)) if row.get("dispatch") == order.dispatch]
    with suppress(OSError):
        new = take_notes(shop.control, shop.feature, (order.task.id, *(member.id for member in order.task.members)))
        for note in new:
            shop.resting.on_event(NoteTold(note.task, note.by, note.text))
        if new:
            before += [{**asdict(note), "dispatch": order.dispatch} for note in new]
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, json.dumps(before, indent=1))
    return tuple(filter(None, map(read_note, before)))
