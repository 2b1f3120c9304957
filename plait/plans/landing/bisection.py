"""Which branches of a red batch are guilty, and why: a search that asks what to verify next."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

Outcome = Literal["green", "red"]
Subset = tuple[str, ...]
"""Branches in merge order."""

Kind = Literal["fails-alone", "pair", "interaction"]

_PRIOR_WEIGHT = 8.0
"""How many branches the prior counts for; of 1, 2, 4, 8, 16 it took the fewest runs over 1 to 8 guilty of 10 and 64."""
_NEVER_SURE = 0.95


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


@dataclass(frozen=True, slots=True)
class Guilty:
    """A rejected branch, with what was seen: green without it, red with it."""

    item: str
    kind: Kind
    """Seen red with its own needs only; seen red with one partner (and both their needs) only; or neither."""
    partner: str | None
    """Of a pair the earlier branch, which lands; of an interaction the last that it takes, where that is known."""
    green: Subset
    red: Subset


@dataclass(frozen=True, slots=True)
class Suspect:
    """A rejected branch before it is known why: its place, and the set that was green without it."""

    place: int
    green: int


@dataclass(frozen=True, slots=True)
class Question:
    """The sets that would tell more."""

    subsets: tuple[int, ...]


def explain(
    suspect: Suspect, branches: Branches, outcomes: Mapping[int, Outcome], *, unbuildable: frozenset[int], slots: int
) -> Guilty | Question:
    """The branch with its kind, or up to `slots` sets to verify first.

    The branch with its needs is seen alone; if that is green, the shortest run of earlier branches with which it is
    red ends with the partner, which is then seen alone with it. A set that cannot be built ends the inquiry.
    """
    alone = branches.closure[suspect.place]
    others = [place for place in branches.places(suspect.green) if not alone >> place & 1]
    chain = [alone]
    for place in others:
        chain.append(chain[-1] | 1 << place)
    if outcomes.get(alone) == "red":
        return _guilty(suspect, branches, "fails-alone", None)
    if alone not in outcomes:
        return _ask([alone], suspect, branches, unbuildable)
    low, high = between(chain, outcomes)
    if high is None:
        return _guilty(suspect, branches, "interaction", None)
    if high - low > 1:
        points = sorted({low + max(1, (high - low) * step // (slots + 1)) for step in range(1, slots + 1)})
        return _ask([chain[point] for point in points], suspect, branches, unbuildable)
    partner = others[high - 1]
    pair = alone | branches.closure[partner]
    if pair not in outcomes:
        return _ask([pair], suspect, branches, unbuildable)
    return _guilty(suspect, branches, "pair" if outcomes[pair] == "red" else "interaction", partner)


def _ask(subsets: list[int], suspect: Suspect, branches: Branches, unbuildable: frozenset[int]) -> Guilty | Question:
    buildable = tuple(subset for subset in subsets if subset not in unbuildable)
    return Question(buildable) if buildable else _guilty(suspect, branches, "interaction", None)


def _guilty(suspect: Suspect, branches: Branches, kind: Kind, partner: int | None) -> Guilty:
    return Guilty(
        item=branches.items[suspect.place],
        kind=kind,
        partner=None if partner is None else branches.items[partner],
        green=branches.named(suspect.green),
        red=branches.named(suspect.green | 1 << suspect.place),
    )


@dataclass(frozen=True, slots=True)
class Verify:
    """What to verify next, all at once where there are slots; () is the base. A run of any other set can be stopped."""

    subsets: tuple[Subset, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of each branch of the batch."""

    landed: Subset
    """In merge order; exactly this has been seen green last."""
    rejected: tuple[Guilty, ...]
    held: tuple[tuple[str, str], ...]
    """Branches that need a rejected or dropped one, and which."""
    base_red: bool = False
    """The base is red without any branch: nothing was searched, nobody is to blame."""
    dropped: Subset = ()
    """Branches that the caller took out without naming another."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where the search stands: what is seen green, who is rejected, who is left, and how many of those are seen red."""

    accepted: int
    suspects: tuple[Suspect, ...]
    held: dict[int, int]
    rest: tuple[int, ...]
    chain: tuple[int, ...]
    """`accepted` with none, one, two … all of `rest`."""
    red: int | None
    """The length of the shortest chain seen red."""


class Search:
    """The search of a batch whose full set was seen red.

    Branches are added in merge order to what is seen green; the length at which it turns red is found by looking at
    the quantiles of where the first bad branch is, given what is known. The branch at that length is rejected, green
    without it and red with it; what needs it is held, and the rest goes on until all that is left is seen green as one.
    Then, with nothing at stake any more, the rejected are looked into (`partners`). Where the search stands follows
    from the recorded outcomes alone, so they may come in any order, twice, or never.

    `priors` are probabilities (0 to 1) that a branch is bad. Raises ValueError for an empty batch, or one that is not
    in dependency order.
    """

    def __init__(
        self,
        items: Sequence[str],
        *,
        needs: Mapping[str, Collection[str]],
        slots: int = 1,
        priors: Mapping[str, float] | None = None,
    ) -> None:
        if not items:
            raise ValueError("a batch without branches cannot be searched")
        self._branches = Branches(items, needs)
        self._slots = max(1, slots)
        least = 1 / len(items)
        self._priors = [max(least, (priors or {}).get(item, 0.0)) for item in items]
        self._outcomes: dict[int, Outcome] = {self._branches.full: "red"}
        self._dropped: dict[int, str | None] = {}
        self._unbuildable: frozenset[int] = frozenset()

    def record(self, subset: Sequence[str], outcome: Outcome) -> None:
        """Tell what came of a set; the last word counts. Raises ValueError for a set that is not in merge order."""
        self._outcomes[self._branches.set_of(subset)] = outcome

    def drop(self, item: str, by: str | None = None) -> None:
        """Take a branch out that cannot be merged (without `by`); what needs it is held. ValueError once `landed`."""
        if self.landed is not None:
            raise ValueError(f"{item} cannot be dropped: what lands is decided; tell of a set by `skip`")
        self._dropped[self._branches.place[item]] = by

    def skip(self, subset: Sequence[str]) -> None:
        """Tell that a set asked for after `landed` cannot be built: the rejected branch stays an `interaction`."""
        self._unbuildable |= {self._branches.set_of(subset)}

    @property
    def landed(self) -> Subset | None:
        """What lands, seen green, once that is decided; it can land while `next_step` still asks about the rejected."""
        if self._outcomes.get(0) != "green":
            return () if 0 in self._outcomes else None
        stand = self._stand()
        return None if stand.rest else self._branches.named(stand.accepted)

    def next_step(self) -> Verify | Verdict:
        """What to verify now, or the verdict."""
        base = self._outcomes.get(0)
        if base == "red":
            return Verdict(landed=(), rejected=(), held=(), base_red=True)
        stand = self._stand()
        if base is None:
            return self._verify([0, *self._points(stand, self._slots - 1)])
        if stand.rest:
            return self._verify(self._points(stand, self._slots))
        return self._explain(stand)

    def _verify(self, subsets: Sequence[int]) -> Verify:
        return Verify(tuple(map(self._branches.named, subsets)))

    def _stand(self) -> _Stand:
        """Follow the recorded outcomes from the base to where the next is missing."""
        accepted, suspects, held = 0, list[Suspect](), dict[int, int]()
        gone = set(self._dropped)
        for place in self._dropped:
            self._hold(place, held, gone)
        rest = [place for place in range(len(self._branches.items)) if place not in gone]
        while True:
            chain = [accepted, *(accepted | added for added in accumulate((1 << place for place in rest), int.__or__))]
            low, red = between(chain, self._outcomes)
            accepted, rest, chain = chain[low], rest[low:], chain[low:]
            if red is None or red - low > 1:
                length = None if red is None else red - low
                return _Stand(accepted, tuple(suspects), held, tuple(rest), tuple(chain), length)
            suspects.append(Suspect(rest[0], accepted))
            gone.add(rest[0])
            self._hold(rest[0], held, gone)
            rest = [place for place in rest if place not in gone]

    def _hold(self, place: int, held: dict[int, int], gone: set[int]) -> None:
        for dependent in self._branches.dependents(place):
            if dependent not in gone:
                gone.add(dependent)
                held[dependent] = place

    def _points(self, stand: _Stand, count: int) -> list[int]:
        """The sets to look at: where the first bad branch is within with probability 1/(count+1), 2/(count+1) …"""
        if count < 1 or not stand.rest:
            return []
        chances = self._chances(stand)
        if stand.red is not None:
            lengths = _quantiles(chances[: stand.red], count, within=stand.red - 1)
        else:
            lengths = _quantiles([*chances, max(0.0, 1.0 - sum(chances))], count, within=len(stand.rest))
        return [stand.chain[length] for length in lengths]

    def _chances(self, stand: _Stand) -> list[float]:
        """For each of the rest, the probability that it is the first bad one."""
        expected = sum(self._priors) / len(self._priors)
        bad = len(stand.suspects)
        seen = stand.accepted.bit_count() + bad
        factor = (_PRIOR_WEIGHT * expected + bad) / (_PRIOR_WEIGHT + seen) / expected
        chances, none_yet = [], 1.0
        for place in stand.rest:
            chance = min(_NEVER_SURE, self._priors[place] * factor)
            chances.append(none_yet * chance)
            none_yet *= 1.0 - chance
        return chances

    def _explain(self, stand: _Stand) -> Verify | Verdict:
        guilty: list[Guilty] = []
        asked: dict[int, None] = {}
        for suspect in stand.suspects:
            slots = max(1, self._slots - len(asked))
            answer = explain(suspect, self._branches, self._outcomes, unbuildable=self._unbuildable, slots=slots)
            if isinstance(answer, Question):
                asked.update(dict.fromkeys(answer.subsets))
            else:
                guilty.append(answer)
        return self._verify(list(asked)[: self._slots]) if asked else self._verdict(stand, tuple(guilty))

    def _verdict(self, stand: _Stand, guilty: tuple[Guilty, ...]) -> Verdict:
        items = self._branches.items
        by = {place: items[cause] for place, cause in stand.held.items()}
        by |= {place: name for place, name in self._dropped.items() if name is not None}
        return Verdict(
            landed=self._branches.named(stand.accepted),
            rejected=guilty,
            held=tuple((items[place], by[place]) for place in sorted(by)),
            dropped=tuple(items[place] for place in sorted(self._dropped) if self._dropped[place] is None),
        )


def _quantiles(weights: Sequence[float], count: int, *, within: int) -> list[int]:
    """The lengths, 1 to `within`, whose cumulated weight is nearest to 1/(count+1), 2/(count+1) … of the whole."""
    sums = list(accumulate(weights))
    reach = range(1, within + 1)
    targets = [sums[-1] * step / (count + 1) for step in range(1, count + 1)]
    return sorted({min(reach, key=lambda length: (abs(sums[length - 1] - target), length)) for target in targets})
