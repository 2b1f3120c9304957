"""Sets of a batch's branches as integers: bit i stands for the i-th in merge order."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

Subset = tuple[str, ...]
"""Branches in merge order."""


class Branches:
    """The branches of a batch in merge order.

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
        closure, seen, path = 0, {item}, [item]
        while path:
            name = path.pop()
            if name in self.place:
                closure |= 1 << self.place[name]
            fresh = set(needs.get(name, ())) - seen
            seen |= fresh
            path.extend(fresh)
        return closure

    def dependents(self, place: int) -> list[int]:
        """The branches that need this one, however far away."""
        return [other for other, closure in enumerate(self.closure) if other != place and closure >> place & 1]

    def with_dependents(self, subset: int) -> int:
        """A set with all that need any of its branches."""
        return union(1 << place for place, closure in enumerate(self.closure) if closure & subset)

    def closed(self, subset: int) -> int:
        """A set with all that its branches need."""
        return union(self.closure[place] for place in places(subset))

    def named(self, subset: int) -> Subset:
        """A set by name."""
        return tuple(self.items[place] for place in places(subset))

    def set_of(self, names: Iterable[str]) -> int:
        """A set from names. Raises ValueError for an unknown name, or names that are not in merge order."""
        subset, last = 0, -1
        for name in names:
            place = self.place.get(name, -1)
            if place <= last:
                raise ValueError(f"{name} is not in the batch, or not in merge order")
            subset, last = subset | 1 << place, place
        return subset


def places(subset: int) -> Iterator[int]:
    """The places of a set's branches, in merge order."""
    while subset:
        lowest = subset & -subset
        yield lowest.bit_length() - 1
        subset ^= lowest


def union(subsets: Iterable[int]) -> int:
    """All branches of several sets."""
    return reduce(or_, subsets, 0)
