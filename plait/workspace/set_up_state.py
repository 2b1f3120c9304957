"""How set-up commands left a checkout: written down before the agent begins, as what they made is not its work."""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.workspace.checkouts import Checkout
from plait.workspace.small_files import read_json_object

_INDEX, _LEFT = "index", "left.json"


@dataclass(frozen=True, slots=True)
class SetUpState:
    """What there was when the agent began, where that is not what was handed out."""

    index: Path
    """The handed-out index with what the set-up changed; its new objects have names only, and are kept nowhere."""
    odd: frozenset[str]
    """What could not be committed already then."""
    ignored: frozenset[str]
    """What git ignored then, or refused: an agent that drops the rule has not made the file."""
    inside: Mapping[str, tuple[int, int]]
    """The files of submodules with size and time of change, which no program can set."""
    at: int
    """Nanoseconds since the epoch by the disk's clock."""

    def was_there(self, directory: Path, path: str) -> bool:
        """Whether an ignored file lay there when the agent began, and is as it was."""
        if path not in self.ignored:
            return False
        with suppress(OSError):
            return (directory / path).lstat().st_ctime_ns <= self.at
        return False

    def changed_inside(self, directory: Path) -> list[str]:
        """The files of submodules that were changed or deleted since."""
        return sorted(path for path, marks in self.inside.items() if _marks(directory / path) != marks)


def write_set_up_state(
    place: Path, directory: Path, *, odd: Collection[str], ignored: Collection[str], inside: Iterable[str]
) -> None:
    """Write it down beside its index, whose name it is called by then.

    Raises:
        OSError: it cannot be written.
    """
    marked = {path: marks for path in inside if (marks := _marks(directory / path))}
    left = {"odd": sorted(odd), "ignored": sorted(ignored), "inside": marked}
    (place / _LEFT).write_text(json.dumps(left), encoding="ascii")


def index_in(place: Path) -> Path:
    """Where the index of a set-up goes in its place."""
    return place / _INDEX


def read_set_up_state(checkout: Checkout) -> SetUpState | None:
    """How set-up commands left a checkout; nothing where none ran, or a kill came before it was written down."""
    left = checkout.set_up / _LEFT
    try:
        record, at = read_json_object(left), left.lstat().st_ctime_ns
    except (OSError, ValueError):
        return None
    inside = {path: (int(size), int(time)) for path, (size, time) in record["inside"].items()}
    return SetUpState(index_in(checkout.set_up), frozenset(record["odd"]), frozenset(record["ignored"]), inside, at)


def _marks(file: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(file)
    except OSError:
        return None
    return status.st_size, status.st_ctime_ns
