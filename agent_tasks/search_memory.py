"""What earlier searches of a repository have seen: how often green trees were red, and whose files were rejected."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plait.plans.landing.sightings import Flakiness
from plait.plans.landing.suspicion import Changes, Tally
from plait.workspace.control import Control
from plait.workspace.small_files import read_json_object, write_whole

_MOST = 400.0
"""After so many verifications all counts are halved: a check that was mended is trusted again."""
_PATHS = 300
"""Of how many files that were in a rejected branch it is kept."""
_COMMANDS = 50


@dataclass(frozen=True, slots=True)
class Remembered:
    """The counts of one repository."""

    flakiness: Flakiness = field(default_factory=Flakiness)
    commands: Mapping[str, int] = field(default_factory=dict)
    """By command, how often it was red on a tree that it was green on, too."""
    paths: Mapping[str, Tally] = field(default_factory=dict)
    """By file that was in a rejected branch."""

    def with_flakes(self, commands: Collection[str], flakiness: Flakiness) -> "Remembered":
        """With what a search has seen."""
        more = {command: self.commands.get(command, 0) + 1 for command in commands}
        others = {command: times for command, times in self.commands.items() if command not in more}
        both = self.flakiness.and_seen(flakiness.flakes, flakiness.verifications)
        if both.verifications > _MOST:
            both = Flakiness(both.flakes / 2, both.verifications / 2)
        return replace(self, flakiness=both, commands=dict(list({**others, **more}.items())[-_COMMANDS:]))

    def with_batch(self, changes: Mapping[str, Changes], rejected: Collection[str]) -> "Remembered":
        """With what became of a batch: a file counts from the first rejection of a branch that changed it."""
        paths = dict(self.paths)
        for task, change in changes.items():
            bad = 1.0 if task in rejected else 0.0
            for path in change.paths:
                if bad or path in paths:
                    known = paths.pop(path, Tally())
                    paths[path] = Tally(known.rejected + bad, known.taken + 1.0)
        return replace(self, paths=dict(list(paths.items())[-_PATHS:]))


def recall(control: Control) -> Remembered:
    """What is kept; nothing where that cannot be read."""
    try:
        said = read_json_object(_file(control))
        return Remembered(
            Flakiness(_count(said["flakes"]), _count(said["verifications"])),
            {str(command): int(times) for command, times in said["commands"].items()},
            {str(path): Tally(_count(bad), _count(all_)) for path, (bad, all_) in said["paths"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Remembered()


def keep(control: Control, remembered: Remembered) -> None:
    """Keep it for the next search; a full disk, say, costs the memory and nothing else."""
    said = {
        "flakes": remembered.flakiness.flakes,
        "verifications": remembered.flakiness.verifications,
        "commands": dict(remembered.commands),
        "paths": {path: [tally.rejected, tally.taken] for path, tally in remembered.paths.items()},
    }
    with suppress(OSError):
        write_whole(_file(control), json.dumps(said))


def _file(control: Control) -> Path:
    return control.directory / "searches.json"


def _count(number: Any) -> float:
    count = float(number)
    if not 0.0 <= count < 1e9:
        raise ValueError("not a count")
    return count
