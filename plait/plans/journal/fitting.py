"""What of an event is heard and kept: its texts cut and without secrets, and nothing else of it changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from plait.plans.accounts.pauses import AccountPause
from plait.plans.journal.events import (
    BatchBroken,
    BranchPutAside,
    NoteTold,
    Pause,
    ProgramBroke,
    RepairTaken,
    Resume,
    ReviewAnswered,
    ReviewMissing,
    ReviewSaid,
    StartConflicted,
    Stop,
    WorkFailed,
    WorkPutOff,
    WorkRefused,
    WorkUnprepared,
)
from plait.plans.journal.manifest import Manifest
from plait.plans.tasks.base_outcome import BaseOutcome, PullRequest, PushedBranch
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.outcomes import (
    BatchOutcome,
    Rejection,
    SettledFile,
    StageOutcome,
    VerifiedTree,
    WeakenedTest,
)
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.reviews import ReviewRecord
from plait.plans.tasks.work import BaseReport, BatchReport, Rework
from plait.plans.usage import Usage

LONGEST = 4096
"""Characters of any text in an event, and of any list of texts: what agents and tests print has no end."""
_BETWEEN = 3
"""Characters between two texts of a list."""
_REST = 24
"""Characters that say how many more there are."""
_Part = TypeVar("_Part")

TEXTS: Final[Mapping[type, tuple[str, ...]]] = MappingProxyType(
    {
        AccountPause: ("words",),
        BaseOutcome: ("reason", "command", "log", "files", "notes"),
        BaseReport: ("reason",),
        BatchBroken: ("reason",),
        BatchOutcome: ("reason", "flaky", "red_on_base", "setup", "checks", "objects"),
        BatchReport: ("land_by_hand",),
        BranchPutAside: ("refused",),
        EditionChange: ("paths",),
        Manifest: ("paused_by",),
        NoteTold: ("by", "text"),
        Pause: ("by",),
        ProgramBroke: ("words",),
        PullRequest: ("title", "body", "url", "link", "reason"),
        PushedBranch: ("reason",),
        Record: ("by", "reason"),
        Rejection: ("files", "reason"),
        RepairTaken: ("by",),
        Resume: ("by",),
        ReviewAnswered: ("by", "reason"),
        ReviewMissing: ("reason",),
        ReviewRecord: ("by", "reason"),
        ReviewSaid: ("findings",),
        Rework: ("files", "reason", "commands"),
        SettledFile: ("path",),
        StartConflicted: ("paths",),
        StageOutcome: ("command", "failing"),
        Stop: ("reason",),
        Usage: ("model", "session"),
        VerifiedTree: ("command", "log"),
        WeakenedTest: ("path", "what"),
        WorkFailed: ("reason",),
        WorkPutOff: ("reason",),
        WorkRefused: ("words",),
        WorkUnprepared: ("reason",),
    }
)
"""Where an event, or the manifest, holds what people, programs and file systems say.

All other words are names, of tasks, contracts, commits and branches: the machine finds things by them, and the plan and
git keep them short.
"""


def fitting(part: _Part, clean: Callable[[str], str]) -> _Part:
    """An event or a manifest as it is heard and written: so that a journal, played again, comes to the same.

    What fits comes back as it is. `clean`: takes out what must not be kept, such as the values of secrets.
    """
    fitted: _Part = _fitted(part, clean)
    return fitted


def _fitted(part: Any, clean: Callable[[str], str]) -> Any:
    match part:
        case tuple():
            some = tuple(_fitted(one, clean) for one in part)
            return part if _are_the_same(part, some) else some
        case Mapping():
            table = {name: _fitted(one, clean) for name, one in part.items()}
            return part if _are_the_same(part.values(), table.values()) else table
        case _:
            changed = dict(_changed(part, clean))
            if not changed:
                return part
            return part.model_copy(update=changed) if isinstance(part, BaseModel) else replace(part, **changed)


def _changed(part: Any, clean: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    """The fields of which less is kept."""
    kind: type = type(part)
    texts = TEXTS.get(kind, ())
    for name in _names(kind):
        value = getattr(part, name)
        if name not in texts:
            kept = _fitted(value, clean)
        elif isinstance(value, tuple):
            kept = _some_of(value, clean)
        else:
            kept = value and cut_text(clean(value))  # no reason is not an empty one
        if kept is not value and kept != value:
            yield name, kept


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields of an event and of its parts; none of a number or a word."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return tuple(kind.model_fields) if issubclass(kind, BaseModel) else ()


def _are_the_same(before: Iterable[Any], after: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(before, after, strict=True))


def _some_of(texts: tuple[str, ...], clean: Callable[[str], str]) -> tuple[str, ...]:
    """As many of a list's texts as have room in one text, and how many more there are."""
    kept: list[str] = []
    room = LONGEST
    for text in texts:
        kept.append(cut_text(clean(text), LONGEST // 2))
        room -= len(kept[-1]) + _BETWEEN
        if room < 0:
            break
    else:
        return tuple(kept)
    while room < _REST:
        room += len(kept.pop()) + _BETWEEN
    return (*kept, f"… and {len(texts) - len(kept)} more")


def cut_text(text: str, limit: int = LONGEST) -> str:
    """The beginning and the end of a text that is too long to be kept."""
    if len(text) <= limit:
        return text
    half = limit // 2 - 20
    return f"{text[:half]}\n… ({len(text) - 2 * half} left out)\n{text[-half:]}"
