"""What a merged JSON, TOML or YAML file may not say, though it parses: held against what its versions say.

A fault that one of the sides has already is that side's; one that only the result has came from the merge.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from plait.plans.merging.three_way import GivesUp, Place, changes_are_kept, numbers_are_told_apart

Data = Any
"""Mappings, lists and values, as a file says them."""
_NUMBER = re.compile(r"\d{1,15}")
_PACKAGE = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w, .-]*\])?\s*(?:[<>=!~]=|[<>]|@ )")  # PEP 508
_IDENTITIES = ("id", "name", "key", "repo")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file."""

    lines: Sequence[str]
    """Where a `#` that a line begins with makes it a comment, else nothing."""
    data: Data | None
    """None where the file is empty."""


def refuse_what_breaks(base: Version, ours: Version, theirs: Version, merged: Version) -> None:
    """Refuse a result that says something else than both sides' changes come to, or that lost a comment.

    Raises:
        GivesUp: with what is wrong.
    """
    versions = (base, ours, theirs, merged)
    changes_are_kept(*(Counter(_said(version.data)) for version in versions), what="a value")
    changes_are_kept(*(Counter(_comments(version.lines)) for version in versions), what="a comment")
    *before, after = (Counter(_unique(version.data)) for version in versions)
    for part, count in after.items():
        if count > max(1, *(known[part] for known in before)):
            raise GivesUp(f"{' '.join(part)} would be there twice")
    numbers_are_told_apart(*(dict(_numbers(version.data)) for version in versions))


def _said(data: Data | None, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Each value with its place; an element is placed by what it is known by, or is a value as a whole."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _said(value, (*place, str(key)))
    elif isinstance(data, list) and data:
        for element in data:
            identity = _identity(element)
            if identity:
                yield from _said(element, (*place, identity))
            else:
                yield (*place, "[]"), repr(element)
    elif data is not None or place:
        yield place, repr(data)


def _unique(data: Data | None, place: Place = ()) -> Iterator[Place]:
    """What should be there once: elements of a list that are known by a member, or require a package."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _unique(value, (*place, str(key)))
    elif isinstance(data, list):
        for element in data:
            identity = _identity(element)
            if identity:
                yield (*place, identity)
            yield from _unique(element, (*place, identity))


def _numbers(data: Data | None, place: Place = ()) -> Iterator[tuple[Place, list[int]]]:
    """The numbers in each mapping that holds nothing else."""
    if isinstance(data, dict):
        if data and all(_NUMBER.fullmatch(str(value)) for value in data.values()):
            yield place, [int(value) for value in data.values()]
        for key, value in data.items():
            yield from _numbers(value, (*place, str(key)))


def _identity(element: Data) -> str:
    """`id 7` of `{id: 7, …}`, `package a` of `a >= 1`."""
    if isinstance(element, str):
        package = _PACKAGE.match(element)
        return f"package {package[1].lower()}" if package else ""
    if not isinstance(element, dict):
        return ""
    known = (f"{name} {element[name]!r}" for name in _IDENTITIES if isinstance(element.get(name), str | int))
    return next(known, "")


def _comments(lines: Sequence[str]) -> Iterator[str]:
    return (line.strip() for line in lines if line.lstrip().startswith("#"))
