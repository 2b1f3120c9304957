"""Sets of branches as integers, and what has been seen of them: the ground that a search of a red batch stands on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

Outcome = Literal["green", "red"]
Subset = tuple[str, ...]
"""Branches in merge order."""


class Branches:
    """The branches of a batch in merge order; a set of them is an integer with bit i for the i-th.

    Raises ValueError when a branch comes before one that it needs, or twice.
    """

    def __init__(self, items: Sequence[str], needs: Mapping[str, Collection[str]]) -> None:
        self.items = tuple(items)
        self.place = {item: place for place, item in enumerate(self.items)}
        if len(self.place) < len(self.items):
            raise ValueError("a branch is in the batch twice")
        self.full = (1 << len(self.items)) - 1
        self.closure = [self._with_needs(item, needs) for item in self.items]
        """By place, the branch with all of the batch that it needs, however far away."""
        for place, closure in enumerate(self.closure):
            if closure.bit_length() > place + 1:
                raise ValueError(f"{self.items[place]} is merged before a branch that it needs")

    def _with_needs(self, item: str, needs: Mapping[str, Collection[str]]) -> int:
        found, seen, path = 0, {item}, [item]
        while path:
            name = path.pop()
            if name in self.place:
                found |= 1 << self.place[name]
            fresh = set(needs.get(name, ())) - seen
            seen |= fresh
            path.extend(fresh)
        return found

    def dependents(self, place: int) -> list[int]:
        """The branches that need this one, however far away."""
        return [other for other, closure in enumerate(self.closure) if other != place and closure >> place & 1]

    def places(self, subset: int) -> list[int]:
        """The places of a set's branches, in merge order."""
        return [place for place in range(len(self.items)) if subset >> place & 1]

    def named(self, subset: int) -> Subset:
        """A set by name."""
        return tuple(self.items[place] for place in self.places(subset))

    def set_of(self, names: Iterable[str]) -> int:
        """A set from names. Raises ValueError for an unknown name, or names that are not in merge order."""
        subset, last = 0, -1
        for name in names:
            place = self.place.get(name, -1)
            if place <= last:
                raise ValueError(f"{name} is not in the batch, or not in merge order")
            subset, last = subset | 1 << place, place
        return subset


def between(chain: Sequence[int], outcomes: Mapping[int, Outcome]) -> tuple[int, int | None]:
    """Of growing sets, the first of which counts as green: the last one seen green, and the first seen red after it.

    A later green clears an earlier red: what lands is the larger set, exactly as seen.
    """
    low = max((step for step in range(1, len(chain)) if outcomes.get(chain[step]) == "green"), default=0)
    reds = (step for step in range(low + 1, len(chain)) if outcomes.get(chain[step]) == "red")
    return low, next(reds, None)
