"""The journal of a run as lines of JSON: the manifest first, then each event with its time; versioned and bounded."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from plait.plans.errors import CallError
from plait.plans.journal.events import (
    BatchBroken,
    BatchDone,
    BatchEnded,
    BranchPutAside,
    Close,
    Event,
    RecordsRead,
    RecordWritten,
    Stop,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
)
from plait.plans.journal.manifest import Manifest
from plait.plans.tasks.planned_contracts import Record

VERSION = 1
"""Of the lines; what a later plait writes otherwise gets another one."""
LONGEST = 4096
"""Characters of any text in an event: what agents and tests print has no end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was heard."""

    at: float
    """Seconds since the epoch."""
    event: Event


@dataclass(frozen=True, slots=True)
class Journal:
    """What was kept of a run."""

    manifest: Manifest
    entries: tuple[Entry, ...]

    @property
    def is_closed(self) -> bool:
        """Whether the run came to its end, and was not killed."""
        return any(isinstance(entry.event, Close) for entry in self.entries[-2:])


@cache
def _manifests() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


def first_line(manifest: Manifest) -> str:
    """What a journal begins with."""
    return f'{{"journal":{VERSION},"manifest":{_manifests().dump_json(manifest).decode()}}}\n'


def line_of(at: float, event: Event, clean: Callable[[str], str] = str) -> str:
    """One event as a line; what prompts alone need, and in full, is cleaned and cut here: no decision reads it."""
    return f'{{"at":{at!r},"event":{_events().dump_json(_cut(event, clean)).decode()}}}\n'


def read_journal(text: str) -> Journal:
    """The journal in a text; half a line at its end, as a kill leaves it, is passed over.

    Raises:
        CallError: it is no journal, of a later version, or damaged.
    """
    first, *rest = text.split("\n")
    rest = rest[:-1]  # after the last line break: nothing, or what a kill cut off
    head = _object(first)
    version = head.get("journal")
    if not isinstance(version, int) or version < 1:
        raise CallError("this is not the journal of a run", hint="it is the file journal.jsonl in the run's folder")
    if version > VERSION:
        raise CallError(
            f"the journal has version {version}, and this plait knows {VERSION} at most",
            hint="read it with the version of plait that wrote it, or a newer one",
        )
    try:
        manifest = _manifests().validate_python(head.get("manifest"))
        entries = tuple(_entry(number, line) for number, line in enumerate(rest, start=2))
    except ValidationError as problem:
        raise CallError(f"the journal is damaged in line 1: {problem.errors()[0]['msg']}") from None
    return Journal(manifest, entries)


def _entry(number: int, line: str) -> Entry:
    said = _object(line)
    try:
        return Entry(float(said["at"]), _events().validate_python(said["event"]))
    except (KeyError, TypeError, ValueError):
        raise CallError(f"the journal is damaged in line {number}", hint="what is before that line is sound") from None


def _object(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def fitting(event: Event, clean: Callable[[str], str]) -> Event:
    """The event with its texts cleaned and cut, as it is heard: so that a journal, played again, comes to the same.

    `clean`: takes out what must not be kept, such as the values of secrets.
    """

    def text(said: str) -> str:
        return shortened(clean(said))

    match event:
        case WorkEnded(result=WorkFailed() | WorkPutOff() as result):
            return replace(event, result=replace(result, reason=text(result.reason)))
        case BatchEnded(result=BatchBroken(reason)):
            return replace(event, result=BatchBroken(text(reason)))
        case BatchEnded(result=BatchDone() as done):
            outcome = done.report.outcome
            rejected = (one.model_copy(update={"reason": text(one.reason)}) for one in outcome.rejected)
            why = text(outcome.reason) if outcome.reason else None
            outcome = outcome.model_copy(update={"reason": why, "rejected": tuple(rejected)})
            return replace(event, result=BatchDone(replace(done.report, outcome=outcome)))
        case BranchPutAside(refused=str(reason)):
            return replace(event, refused=text(reason))
        case Stop():
            return replace(event, reason=text(event.reason))
        case _:
            return event


def _cut(event: Event, clean: Callable[[str], str]) -> Event:
    def record(said: Record) -> Record:
        return replace(said, reason=shortened(clean(said.reason)))

    match event:
        case BatchEnded(result=BatchDone(report)) if report.rework:
            rework = tuple(replace(order, reason=shortened(clean(order.reason))) for order in report.rework)
            return replace(event, result=BatchDone(replace(report, rework=rework)))
        case RecordWritten():
            return replace(event, record=record(event.record))
        case RecordsRead():
            records = {name: tuple(map(record, versions)) for name, versions in event.records.items()}
            return replace(event, records=records)
        case _:
            return event


def shortened(text: str) -> str:
    """The beginning and the end of a text that is too long to be kept."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2 - 20
    return f"{text[:half]}\n… ({len(text) - 2 * half} left out)\n{text[-half:]}"
