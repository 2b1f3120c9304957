"""Which sets tell most about a red batch: prefixes for few slots, groups beside each other for many."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from plait.plans.landing.branch_sets import Branches, places, union
from plait.plans.landing.sightings import Outcome

_SCALES = {0.5: 1.41, 1.0: 1.0, 2.0: 0.71, 4.0: 0.5, 8.0: 0.35, 24.0: 0.02}
"""How many times as many branches may be bad as was thought, each with its weight: what is seen decides.

Of the laws that were tried the one that is best for 1, 2, 4 and 8 bad of 64 at once (`benchmarks.search`).
"""
_NEVER_SURE = 0.95
_WORTH_A_LOOK = 0.05


class Placed(Protocol):
    """A branch that is left out."""

    @property
    def place(self) -> int: ...


class Ground(Protocol):
    """Where the search stands (`bisection.Stand`)."""

    @property
    def accepted(self) -> int: ...
    @property
    def suspects(self) -> Sequence[Placed]: ...
    @property
    def rest(self) -> Sequence[int]: ...
    @property
    def chain(self) -> Sequence[int]: ...
    @property
    def red(self) -> int | None: ...
    @property
    def cleared(self) -> int: ...
    @property
    def doubts(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Chances:
    """How probable it is that branches are bad: those that were in a green set are not."""

    laws: Sequence[tuple[float, Sequence[float]]]
    """What may be so, each with its weight: by place the probability that a branch is bad."""

    @staticmethod
    def of(priors: Sequence[float], stand: Ground) -> "Chances":
        """From what was thought before, and how many of those that are known by now were bad."""
        bad, laws = union(1 << suspect.place for suspect in stand.suspects), []
        for scale, weight in _SCALES.items():
            law = [min(_NEVER_SURE, prior * scale) for prior in priors]
            for place, chance in enumerate(law):
                if bad >> place & 1:
                    weight *= chance  # noqa: PLW2901 - the weight of this law, by what was seen
                elif stand.cleared >> place & 1:
                    weight *= 1.0 - chance  # noqa: PLW2901
                    law[place] = 0.0
            laws.append((weight, law))
        total = sum(weight for weight, _ in laws)
        return Chances([(weight / total, law) for weight, law in laws])

    def first(self, some: Sequence[int]) -> list[float]:
        """For each of these, the probability that it is the first bad one."""
        chances = [0.0] * len(some)
        for weight, law in self.laws:
            none_yet = weight
            for turn, place in enumerate(some):
                chances[turn] += none_yet * law[place]
                none_yet *= 1.0 - law[place]
        return chances

    def each(self, some: int) -> list[float]:
        """For each of a set, in merge order, the probability that it is bad."""
        return [sum(weight * law[place] for weight, law in self.laws) for place in places(some)]


def prefixes(
    stand: Ground,
    branches: Branches,
    chances: Chances,
    known: Mapping[int, Outcome],
    running: Collection[int],
    count: int,
) -> list[int]:
    """Up to `count` lengths of the chain at which to look for the first bad branch.

    Where that is to find out about one branch only, it is seen alone: red alone needs no further explanation.
    """
    if not stand.rest:
        return []
    first = chances.first(stand.rest)
    if stand.red is not None:
        weights, within = first[: stand.red], stand.red - 1
    else:
        weights, within = [*first, max(0.0, 1.0 - sum(first))], len(stand.rest)
    if not sum(weights):  # all were cleared, and some do not fit together
        weights = [1.0] * len(weights)
    sets = {length: _instead(stand, branches, known, length) for length in range(1, within + 1)}
    going = sorted(length for length, subset in sets.items() if subset in running or stand.chain[length] in running)
    taken = [length for length, subset in sets.items() if length not in going and subset not in known]
    return [sets[length] for length in spread(weights, going, taken, count)]


def _instead(stand: Ground, branches: Branches, known: Mapping[int, Outcome], length: int) -> int:
    """The chain of a length; in its place a single branch, where that is all that it would tell about."""
    chain = stand.chain[length]
    doubtful = chain & ~stand.cleared
    if stand.red is None or stand.red == len(stand.rest) or doubtful.bit_count() != 1:
        return chain  # where nothing comes after it, the chain may be all that lands, which has to be seen anyway
    alone = branches.closure[doubtful.bit_length() - 1]
    can_tell = known.get(alone & ~doubtful) == "green" and alone not in known
    return alone if can_tell else chain


def spread(weights: Sequence[float], going: Sequence[int], free: Sequence[int], count: int) -> list[int]:
    """Lengths that cut the weight, with those that are `going`, into parts that are as equal as can be."""
    sums = [0.0, *accumulate(weights)]
    total = sums[-1]
    edges = [0.0, *(sums[length] for length in going), total]
    cuts = [0] * (len(edges) - 1)
    for _ in range(count):
        widest = max(range(len(cuts)), key=lambda gap: (edges[gap + 1] - edges[gap]) / (cuts[gap] + 1))
        cuts[widest] += 1
    chosen: list[int] = []
    for gap, number in enumerate(cuts):
        for step in range(1, number + 1):
            target = edges[gap] + (edges[gap + 1] - edges[gap]) * step / (number + 1)
            left = [length for length in free if length not in chosen]
            if left:
                chosen.append(min(left, key=lambda length: (abs(sums[length] - target), length)))
    return sorted(chosen)


def groups(
    stand: Ground,
    branches: Branches,
    chances: Chances,
    known: Mapping[int, Outcome],
    running: Collection[int],
    count: int,
) -> list[int]:
    """Up to `count` sets that cut what is in doubt; nothing when all is cleared, and still does not fit together."""
    whole = stand.chain[-1]
    clauses = _apart(stand.doubts)
    asked: list[int] = []
    if not clauses:
        if known.get(whole) == "red":
            return []
        if whole not in running:
            asked.append(whole)
    pool = union(1 << place for place in stand.rest) & ~stand.cleared & ~union(clauses)
    pieces = [(clause, _uncovered(clause, running)) for clause in clauses]
    if pool and sum(chances.first(list(places(pool)))) > _WORTH_A_LOOK:
        pieces.append((0, _uncovered(pool, running)))
    for part in _parts(pieces, chances, count - len(asked)):
        subset = branches.closed(part)
        if subset not in known and subset not in running and subset not in asked:
            asked.append(subset)
    return asked


def _apart(doubts: Sequence[int]) -> list[int]:
    """The smallest that have nothing in common: in each is a bad branch."""
    chosen: list[int] = []
    for doubt in sorted(doubts, key=lambda some: (some.bit_count(), some)):
        if not any(doubt & other for other in chosen):
            chosen.append(doubt)
    return chosen


def _uncovered(some: int, running: Collection[int]) -> int:
    """What of it no part is being verified of."""
    return some & ~union(subset for subset in running if some & ~subset)


def _parts(pieces: Sequence[tuple[int, int]], chances: Chances, count: int) -> list[int]:
    """Cut pieces into `count` parts in all, those first that are the largest by chance.

    A piece is known to be red as the whole that it is the rest of; then a part that is that whole tells nothing.
    """
    sizes = [sum(chances.each(rest)) for _, rest in pieces]
    most = [rest.bit_count() for _, rest in pieces]
    cuts = [0] * len(pieces)
    for _ in range(count):
        open_pieces = [n for n, cut in enumerate(cuts) if cut < most[n]]
        if not open_pieces:
            break
        cuts[max(open_pieces, key=lambda n: sizes[n] / (cuts[n] + 0.01))] += 1
    parts: list[int] = []
    for (whole, rest), number in zip(pieces, cuts, strict=True):
        if number:
            is_half = number == 1 and whole == rest and rest.bit_count() > 1
            parts += _cut(rest, chances, 2 if is_half else number)[:number]
    return parts


def _cut(some: int, chances: Chances, number: int) -> list[int]:
    """Parts in merge order, of about equal chance."""
    members = list(places(some))
    weights = chances.each(some)
    ends = [*spread(weights, (), range(1, len(members)), number - 1), len(members)]
    return [union(1 << place for place in members[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
