"""Where in its text each value of a plan stands, so that a mistake can be shown with line and column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from plait.plans.errors import Problem
from plait.plans.wording import quoted

Loc = tuple[str | int, ...]
"""The way to a value: keys and positions, such as `("tasks", 2, "needs", 0)`."""


class Place(NamedTuple):
    """Line and column, from 1; 0 when not known."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a text's values and keys."""

    values: Mapping[Loc, Place] = field(default_factory=dict)
    keys: Mapping[Loc, Place] = field(default_factory=dict)
    files: Mapping[Loc, str] = field(default_factory=dict)
    """Of a plan in several files: by where in the plan each one's text belongs, such as `("tasks", 3)`."""

    def problem(
        self, loc: Loc, message: str, hint: str | None = None, *, at_key: bool = False, code: str = "PLAN001"
    ) -> Problem:
        """The mistake at the deepest place of `loc` that was written."""
        written = self.written(loc)
        place = self.values.get(written, Place())
        if at_key:
            place = self.keys.get(written, place)
        home = self._home(written)
        path = path_of((written if self.values else loc)[len(home) :])
        return Problem(message, place.line, place.column, path, hint, self.files.get(home, ""), code)

    def called(self, loc: Loc) -> str:
        """A part of the plan in words for people: the file that is all of it, or its path."""
        return self.files.get(loc) or path_of(loc)

    def _home(self, loc: Loc) -> Loc:
        """The longest beginning of `loc` that is a file's; the plan's own place when there is none."""
        ends = range(len(loc) if self.files else 0, 0, -1)
        return next((loc[:end] for end in ends if loc[:end] in self.files), ())

    def written(self, loc: Loc) -> Loc:
        """`loc` without the steps that the text does not have: missing keys, and pydantic's names for alternatives."""
        deepest: Loc = ()
        for step in loc:
            if (*deepest, step) in self.values:
                deepest = (*deepest, step)
        return deepest


NOWHERE = Places()
"""For plans that were not read from a text."""


def path_of(loc: Loc) -> str:
    """`tasks[2].needs[0]`."""
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += ("." if path else "") + (step if _is_plain(step) else quoted(step))
    return path


def _is_plain(key: str) -> bool:
    return 0 < len(key) <= 80 and key.isascii() and key.replace("-", "_").replace("_", "a").isalnum()
