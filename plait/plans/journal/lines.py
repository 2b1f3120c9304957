"""The journal of a run as lines of JSON: the manifest, then each event with its time; versioned, never misread."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, TypeGuard, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from plait.plans.errors import CallError
from plait.plans.journal.events import BaseSeen, BroughtToBase, Close, EditionCompared, Event, TipMoved
from plait.plans.journal.manifest import Manifest

VERSION = 1
"""Of the lines; what a later plait writes otherwise gets another one."""
_NEWER: Final = "read it with the version of plait that wrote it, or a newer one"
_UNKNOWN: Final = frozenset(
    {"unexpected_keyword_argument", "extra_forbidden", "union_tag_invalid", "literal_error", "enum"}
)
"""What pydantic calls a field, of a dataclass and of a model, a kind and words that are new to this version."""
_LATEST: Final = 1e10
_Read = TypeVar("_Read")


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
        """Whether the run came to its end, and was not killed; that a branch was moved may come after it."""
        events = (entry.event for entry in reversed(self.entries))
        later = TipMoved | BaseSeen | BroughtToBase | EditionCompared
        return isinstance(next((event for event in events if not isinstance(event, later)), None), Close)


@cache
def _manifests() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


@cache
def _events() -> TypeAdapter[Event]:
    # By its kind: so it is read several times as fast, and what is wrong with it can be told.
    return TypeAdapter(Annotated[Event, Field(discriminator="kind")], config=ConfigDict(extra="forbid"))


def first_line(manifest: Manifest) -> str:
    """What a journal begins with."""
    return f'{{"journal":{VERSION},"manifest":{_manifests().dump_json(manifest).decode()}}}\n'


def line_of(at: float, event: Event) -> str:
    """One event as a line, just as it was heard: `fitting` has made it short before."""
    return f'{{"at":{at!r},"event":{_events().dump_json(event).decode()}}}\n'


def read_journal(text: str) -> Journal:
    """The journal in a text; half a line at its end, as a kill leaves it, is passed over.

    Raises:
        CallError: it is no journal, damaged, or of a later version: what this one does not know is never misread.
    """
    first, *rest = text.split("\n")
    rest = rest[:-1]  # after the last line break: nothing, or what a kill cut off
    head = _object(first)
    version = head.get("journal")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CallError("this is not the journal of a run", hint="it is the file journal.jsonl in the run's folder")
    if version > VERSION:
        raise CallError(f"the journal has version {version}, and this plait knows {VERSION} at most", hint=_NEWER)
    manifest = _part(1, _manifests(), head, "journal", "manifest")
    if not _is_moment(manifest.started_at) or not _is_moment(manifest.before):
        raise _damage(1)
    return Journal(manifest, tuple(_entry(number, line) for number, line in enumerate(rest, start=2)))


def _entry(number: int, line: str) -> Entry:
    said = _object(line)
    event = _part(number, _events(), said, "at", "event")
    at = said.get("at")
    if not _is_moment(at):
        raise _damage(number)
    return Entry(float(at), event)


def _is_moment(at: Any) -> TypeGuard[float]:
    """Seconds since the epoch that a clock could show; what is further away (three centuries) was written by none."""
    return isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at < _LATEST


def _part(number: int, form: TypeAdapter[_Read], said: dict[str, Any], beside: str, name: str) -> _Read:
    """What a line says under a name, and nothing but that and what is `beside` it.

    Raises:
        CallError: it is damaged, or of a later version.
    """
    try:
        read = form.validate_python(said.get(name))
    except ValidationError as problem:
        if any(one["type"] in _UNKNOWN for one in problem.errors(include_url=False)):
            raise _news(number) from None
        raise _damage(number) from None
    if not said.keys() <= {beside, name}:
        raise _news(number)
    return read


def _news(number: int) -> CallError:
    return CallError(f"the journal says something in line {number} that this plait does not know", hint=_NEWER)


def _damage(number: int) -> CallError:
    before = "what is before that line is sound" if number > 1 else None
    return CallError(f"the journal is damaged in line {number}", hint=before)


def _object(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
