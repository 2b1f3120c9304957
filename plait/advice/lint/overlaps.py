"""Which of many path patterns can mean one file, found by the names that they begin with instead of pair by pair."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from plait.plans.paths import overlap

EFFORT = 1_000_000
"""What comparing patterns with wildcards may cost in one plan, in microseconds or so: a hostile plan must not buy more.
"""
_GLANCE, _COMPARISON = 1, 20


class _Node:
    """A directory that patterns write out: those that are literal up to here, and what lies below."""

    __slots__ = ("below", "here")

    def __init__(self) -> None:
        self.here: list[str] = []
        self.below: dict[str, _Node] = {}


class PatternIndex:
    """Normalized patterns by their literal beginnings.

    Two patterns can meet only if the literal beginning of one begins the other's, so that of ten thousand only those
    on the way down to a pattern, and those below it, are looked at.
    """

    def __init__(self, patterns: Iterable[str], *, effort: int = EFFORT) -> None:
        self._root = _Node()
        self._left = effort
        self._patterns = dict.fromkeys(patterns)
        for pattern in self._patterns:
            node = self._root
            for segment in literal_beginning(pattern):
                node = node.below.setdefault(segment, _Node())
            node.here.append(pattern)

    @property
    def is_exhausted(self) -> bool:
        """Whether so much was compared that the rest was not looked at."""
        return self._left <= 0

    def overlapping(self, pattern: str) -> Iterator[str]:
        """The patterns of the index that overlap this one, itself included if it is in there."""
        if pattern in self._patterns:
            yield pattern
        for other in self._candidates(pattern):
            if other == pattern:
                continue
            if _surely_overlap(pattern, other):
                yield other
            elif self._left <= 0:
                return
            elif self._may_overlap(pattern, other) and overlap(pattern, other):
                yield other

    def _may_overlap(self, pattern: str, other: str) -> bool:
        self._left -= _GLANCE
        if _ends_differ(_shape(pattern), _shape(other)):
            return False
        self._left -= _COMPARISON
        return True

    def _candidates(self, pattern: str) -> Iterator[str]:
        node = self._root
        for segment in literal_beginning(pattern):
            yield from node.here
            if segment not in node.below:
                return
            node = node.below[segment]
        nodes = [node]
        while nodes:
            deeper = nodes.pop()
            yield from deeper.here
            nodes += reversed(deeper.below.values())


def literal_beginning(pattern: str) -> list[str]:
    """The names before the first wildcard."""
    segments = pattern.split("/")
    if not is_wild(pattern):
        return segments
    return segments[: next(at for at, segment in enumerate(segments) if is_wild(segment))]


def is_wild(pattern: str) -> bool:
    """Whether it can mean more than one path."""
    return "*" in pattern or "?" in pattern


def _surely_overlap(pattern: str, other: str) -> bool:
    """Of two candidates for each other: both literal, or one means all below where the other begins."""
    if not (is_wild(pattern) or is_wild(other)):
        return True
    return _is_all_below(pattern, other) or _is_all_below(other, pattern)


def _is_all_below(tree: str, other: str) -> bool:
    directory = tree.removesuffix("**")
    return directory != tree and not is_wild(directory) and other.startswith(directory)


class _Shape(NamedTuple):
    """How the last name that a pattern matches begins and ends, and the names that the pattern writes out."""

    begin: str
    end: str
    last: str
    names: frozenset[str]


@lru_cache(maxsize=65_536)
def _shape(pattern: str) -> _Shape:
    segments = pattern.split("/")
    last = segments[-1]
    fixed = re.split("[*?]+", last)
    return _Shape(fixed[0], fixed[-1], last, frozenset(segments))


def _ends_differ(shape: _Shape, other: _Shape) -> bool:
    """Whether the two cannot mean one path by their last names alone, nor one a file in the other's way."""
    ends = shape.end.endswith(other.end) or other.end.endswith(shape.end)
    begins = shape.begin.startswith(other.begin) or other.begin.startswith(shape.begin)
    return not (ends and begins) and shape.last not in other.names and other.last not in shape.names
