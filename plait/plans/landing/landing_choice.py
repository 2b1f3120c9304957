"""Which of the branches that do not fit together land first: the largest set, the most urgent of equally large ones."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isnan
from operator import or_

_CLASSES = range(1, 6)
_EFFORT = 100_000_000
"""Comparisons before the best set so far has to do: about 0.5 s here, and exact for 64 branches with 400 clashes."""
_LONGEST = 10**9
"""Seconds that count at most, three decades: a plan may say that a task takes forever."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A branch that wants to land."""

    task: str
    needs: tuple[str, ...] = ()
    """The tasks that it can land only with, or after."""
    priority: int = 3
    """1 (critical) to 5 (idle)."""
    behind: float = 0.0
    """Seconds of the longest path of work that waits for it."""
    done: float = 0.0
    """Seconds of work that are in it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who goes first."""

    merges: tuple[str, ...]
    """What is merged first, in merge order: no two of it clash, and what it needs is in it."""
    lands: tuple[str, ...]
    """Those of it that may land: the groups that are whole, and what is in none."""
    waits: Mapping[str, str]
    """All others but those that clash with the base: the one that each waits for."""
    exact: bool
    """Whether no better choice exists; else the search was given up, and this is the best that it had."""


def choose(
    branches: Sequence[Contender],
    clashes: Collection[frozenset[str]],
    *,
    groups: Sequence[Collection[str]] = (),
    incomplete: Collection[str] = (),
) -> Choice:
    """Choose what is merged first of branches that are given in merge order.

    `clashes`: pairs that do not merge, and single branches that do not merge with the base. `groups`: tasks that land
    together or not at all. `incomplete`: those that cannot land with this batch, as their group lacks something.

    What lands is the largest set; of equally large ones that with the most branches of the most urgent class (as
    dispatch has it), then the next; then that with most seconds behind it, then with most seconds of work in it; then
    that of the earlier branches. What cannot land, and clashes with none of it, is chosen after it in the same way.

    Example: B clashes with A and with C, an hour of work waits for B, none for A and C: A and C land (two are more than
    one), and B waits for A. Without C it is B that lands, and A waits for B.
    """
    field = _Field(branches, clashes, groups)
    landing, sure = field.best(field.together, field.everything & ~field.set_of(incomplete), within=0)
    merging, sure_too = field.best(field.closure, field.everything, within=landing)
    waits = {
        branches[place].task: by for place in field.places(field.full & ~merging) if (by := field.why(place, merging))
    }
    return Choice(field.named(merging), field.named(landing), waits, exact=sure and sure_too)


class _Field:
    """The branches by place in merge order; a set of them is an integer with bit i for the i-th."""

    def __init__(
        self, branches: Sequence[Contender], clashes: Collection[frozenset[str]], groups: Sequence[Collection[str]]
    ) -> None:
        self.branches = branches
        self.place = {branch.task: place for place, branch in enumerate(branches)}
        self.full = (1 << len(branches)) - 1
        needs = [self.set_of(branch.needs) for branch in branches]
        self.closure = _closed(needs)
        """By place, the branch with all that it needs."""
        mates = list(needs)
        for group in map(self.set_of, groups):
            for place in self.places(group):
                mates[place] |= group
        self.together = _closed(mates)
        """By place, the branch with all that it can land only with."""
        self.clashes = [0] * len(branches)
        lone = 0
        for pair in clashes:
            known = self.set_of(pair)
            if known.bit_count() == len(pair) == 1:
                lone |= known
            elif known.bit_count() == len(pair):
                for place in self.places(known):
                    self.clashes[place] |= known & ~(1 << place)
        self.everything = self.full & ~lone
        self.weight = _weights(branches)

    def set_of(self, tasks: Collection[str]) -> int:
        """A set from names; those of no branch do not count."""
        return sum({1 << self.place[task] for task in tasks if task in self.place})

    def places(self, some: int) -> Iterator[int]:
        """The places of a set, in merge order."""
        while some:
            yield (some & -some).bit_length() - 1
            some &= some - 1

    def named(self, some: int) -> tuple[str, ...]:
        """A set by name, in merge order."""
        return tuple(self.branches[place].task for place in self.places(some))

    def worth(self, some: int) -> int:
        """What a set is worth: more is better."""
        return sum(self.weight[place] for place in self.places(some))

    def why(self, place: int, merging: int) -> str | None:
        """The branch that one which was left out waits for: it clashes with it, or needs it and it is left out too."""
        if rivals := self.clashes[place] & merging:
            return self.branches[next(self.places(rivals))].task
        needed = self.closure[place] & ~(1 << place)
        out = needed & ~merging
        rivals = 0
        for need in self.places(needed):
            rivals |= self.clashes[need] & merging
        blocking = out or rivals
        return self.branches[next(self.places(blocking))].task if blocking else None

    def best(self, closure: Sequence[int], allowed: int, *, within: int) -> tuple[int, bool]:
        """The best set that holds `within`, and whether it is surely the best.

        What cannot be taken at all is dropped first; what is left falls apart into parts that do not touch.
        """
        search = _Search(self, closure)
        free = search.possible(allowed & ~within & ~search.rivals_of(within), beside=within)
        parts = list(self._parts(closure, free))
        chosen, sure = within, True
        for part in parts:
            best, exact = search.best(part, beside=within, effort=_EFFORT // len(parts))
            chosen, sure = chosen | best, sure and exact
        return chosen, sure

    def _parts(self, closure: Sequence[int], free: int) -> Iterator[int]:
        """The sets of a set that neither clash with, nor need, one another."""
        touching = [0] * len(self.branches)
        for place in self.places(free):
            near = (self.clashes[place] | closure[place]) & free
            touching[place] |= near
            for other in self.places(near):
                touching[other] |= 1 << place
        while free:
            part, fresh = 0, free & -free
            while fresh:
                part |= fresh
                fresh = _union(touching[place] for place in self.places(fresh)) & free & ~part
            yield part
            free &= ~part


class _Search:
    """Branch and bound over sets without clashes that hold whatever their members imply."""

    def __init__(self, field: _Field, closure: Sequence[int]) -> None:
        self.field, self.closure = field, closure
        self.implied_by = [0] * len(closure)
        """By place, the branches that cannot be taken without it."""
        for place, implied in enumerate(closure):
            for other in field.places(implied):
                self.implied_by[other] |= 1 << place
        self.heavy_first = sorted(range(len(closure)), key=lambda place: -field.weight[place])

    def rivals_of(self, some: int) -> int:
        """All that clashes with any of a set."""
        return _union(self.field.clashes[place] for place in self.field.places(some))

    def possible(self, free: int, *, beside: int) -> int:
        """Those of a set that can be taken: all that they imply can, and does not clash with itself."""
        for place in self.field.places(free):
            if self.rivals_of(self.closure[place]) & self.closure[place]:
                free &= ~(1 << place)
        while True:
            lost = [place for place in self.field.places(free) if self.closure[place] & ~(free | beside)]
            if not lost:
                return free
            free &= ~sum(1 << place for place in lost)

    def best(self, part: int, *, beside: int, effort: int) -> tuple[int, bool]:
        """The best set of a part of what is possible; the first dive is greedy, and always ends."""
        best, worth = 0, 0
        cost = part.bit_count() ** 2  # of the bound, which is most of a step
        stack = [(0, part)]
        while stack:
            taken, free = stack.pop()
            contested = max(self.field.places(free), key=lambda place: self._rivalry(place, free), default=None)
            if contested is None or not self.field.clashes[contested] & free:
                if (all_of_it := self.field.worth(taken | free)) > worth:
                    best, worth = taken | free, all_of_it
                continue
            if worth:
                if effort < 0:
                    return self._filled(best, part, beside), False
                effort -= cost
            if not worth or self.field.worth(taken) + self._bound(free) > worth:
                stack += self._split(taken, free, contested)
        return best, True

    def _rivalry(self, place: int, free: int) -> int:
        return (self.field.clashes[place] & free).bit_count()

    def _split(self, taken: int, free: int, place: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Without a branch, and with it; the one that costs less now comes last, and is looked at next."""
        more = self.closure[place] & free
        lost_with = _union(self.implied_by[rival] for rival in self.field.places(self.rivals_of(more) & free)) & free
        lost_without = self.implied_by[place] & free
        ways = ((taken, free & ~lost_without), (taken | more, free & ~more & ~lost_with))
        return ways if self.field.worth(lost_with) < self.field.worth(lost_without) else (ways[1], ways[0])

    def _bound(self, free: int) -> int:
        """More than this no set of these is worth: of branches that all clash with each other one can be taken."""
        cliques: list[int] = []
        worth = 0
        for place in self.heavy_first:
            if not free >> place & 1:
                continue
            rivals = self.field.clashes[place]
            for number, clique in enumerate(cliques):
                if not clique & ~rivals:
                    cliques[number] = clique | 1 << place
                    break
            else:
                cliques.append(1 << place)
                worth += self.field.weight[place]
        return worth

    def _filled(self, chosen: int, part: int, beside: int) -> int:
        """A set with whatever else fits: what the search dropped too early."""
        for place in self.field.places(part & ~chosen):
            more = self.closure[place] & ~(chosen | beside)
            if not more & ~part and not self.rivals_of(more) & (chosen | more):
                chosen |= more
        return chosen


def _closed(implied: Sequence[int]) -> list[int]:
    """By place, the place and all that it implies, through others too."""
    closed = [mask | 1 << place for place, mask in enumerate(implied)]
    changed = True
    while changed:
        changed = False
        for place, mask in enumerate(closed):
            wider, rest = mask, mask
            while rest:
                wider |= closed[(rest & -rest).bit_length() - 1]
                rest &= rest - 1
            if wider != mask:
                closed[place], changed = wider, True
    return closed


def _weights(branches: Sequence[Contender]) -> list[int]:
    """What each branch is worth as one number, so that sums of them compare as the rule says, and never tie.

    It is read digit by digit, each large enough that no sum runs over into the next: how many, how many of each class,
    seconds behind, seconds done, and last one bit for each place, the earlier the higher.
    """
    size = len(branches)
    digits = [
        (1, *(int(branch.priority == level) for level in _CLASSES), _whole(branch.behind), _whole(branch.done))
        for branch in branches
    ]
    weights = [0] * size
    for column in zip(*digits, strict=True):
        base = sum(column) + 1
        weights = [weight * base + digit for weight, digit in zip(weights, column, strict=True)]
    return [(weight << size) | 1 << (size - 1 - place) for place, weight in enumerate(weights)]


def _whole(seconds: float) -> int:
    """Whole seconds that a sum can be made of; nothing for what is no number."""
    return int(min(max(seconds, 0.0), _LONGEST)) if not isnan(seconds) else 0


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)
