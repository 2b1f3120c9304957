"""Why a branch that does not land is guilty, what it fails with, or that it is not: each verdict by what was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from plait.plans.landing.branch_sets import Branches, Subset, places
from plait.plans.landing.sightings import MOST_REDS, Outcome, Sightings

_SIGHTINGS_OF_A_PAIR = 2
"""One red may be a flake, and would name somebody who has nothing to do with it."""

Kind = Literal["fails-alone", "pair", "interaction"]


@dataclass(frozen=True, slots=True)
class Guilty:
    """A rejected branch, with what was seen: green without it, red with it."""

    item: str
    kind: Kind
    """Seen red with its own needs only; seen red with one partner (and both their needs) only; or neither."""
    partner: str | None
    """Of a pair the other branch, which lands; of an interaction the last that it takes, where that is known."""
    green: Subset
    red: Subset


@dataclass(frozen=True, slots=True)
class Suspect:
    """A branch that is left out before it is known why: its place, and the set that should be green without it."""

    place: int
    green: int

    @property
    def red(self) -> int:
        """With it."""
        return self.green | 1 << self.place


@dataclass(frozen=True, slots=True)
class Question:
    """The sets that would tell more."""

    subsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Acquitted:
    """It waits for the next batch: what spoke against it was a flake, or cannot be told from one."""

    place: int


Answer = Guilty | Question | Acquitted


def between(chain: Sequence[int], outcomes: Mapping[int, Outcome]) -> tuple[int, int | None]:
    """Of growing sets, the first of which counts as green: the last one seen green, and the first seen red after it.

    A later green clears an earlier red: what lands is the larger set, exactly as seen.
    """
    low = max((step for step in range(1, len(chain)) if outcomes.get(chain[step]) == "green"), default=0)
    reds = (step for step in range(low + 1, len(chain)) if outcomes.get(chain[step]) == "red")
    return low, next(reds, None)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is known of a batch of which it is decided what lands."""

    branches: Branches
    seen: Sightings
    unbuildable: frozenset[int]
    slots: int

    def into(self, suspect: Suspect) -> Answer:
        """What a branch is rejected for, up to `slots` sets to verify first, or that it is not.

        The branch with its needs is seen alone, and again until that is no chance. Where that is green, it is what was
        red with it that is seen again, and what was green without it. Then the shortest run of earlier branches with
        which it is red ends with the partner, which is seen alone with it.
        """
        alone = self.branches.closure[suspect.place]
        without = alone & ~(1 << suspect.place)
        if alone not in self.unbuildable:
            if not self.seen.times(alone):
                return Question((alone,))
            if alone not in self.seen.greens and (answer := self._alone(suspect, alone, without)) is not None:
                return answer
        return self._with_others(suspect, alone)

    def _alone(self, suspect: Suspect, alone: int, without: int) -> Answer | None:
        """It was red alone; nothing where what it needs is not green either."""
        if without not in self.seen.greens:
            is_open = not self.seen.times(without) and without not in self.unbuildable
            return Question((without,)) if is_open else None
        reds = self.seen.reds[alone]
        if suspect.red != alone and suspect.green in self.seen.greens and suspect.red not in self.seen.greens:
            reds += self.seen.reds.get(suspect.red, 0)
        return self._repeated(suspect, alone, reds) or self._guilty(suspect, "fails-alone", without, alone)

    def _repeated(self, suspect: Suspect, red: int, reds: int) -> Question | Acquitted | None:
        """Nothing when a set was red often enough; where no number that can be reached would do, nobody is guilty."""
        if self.seen.reds_to_reject > MOST_REDS:
            return Acquitted(suspect.place)
        return Question((red,)) if reds < self.seen.reds_to_reject else None

    def _with_others(self, suspect: Suspect, alone: int) -> Answer:
        """It was green alone, or cannot be seen so."""
        green, red = suspect.green, suspect.red
        if red in self.seen.greens or {green, red} & self.unbuildable:
            return Acquitted(suspect.place)
        for subset in (green, red):
            if not self.seen.times(subset):
                return Question((subset,))
        if green not in self.seen.greens or green in self.seen.reds:  # green by luck: it may be red for another branch
            return Acquitted(suspect.place)
        if repeated := self._repeated(suspect, red, self.seen.reds[red]):
            return repeated
        if green and self.seen.greens[green] == 1:
            return Question((green,))
        return self._interaction(suspect, None) if alone in self.unbuildable else self._partner(suspect, alone)

    def _partner(self, suspect: Suspect, alone: int) -> Answer:
        others = [place for place in places(suspect.green) if not alone >> place & 1]
        chain = [alone]
        for place in others:
            chain.append(chain[-1] | 1 << place)
        low, high = between(chain, self.seen.outcomes)
        if high is None:
            return self._interaction(suspect, None)
        if high - low > 1:
            parts = self.slots + 1
            points = sorted({low + max(1, (high - low) * step // parts) for step in range(1, parts)})
            return self._asked([chain[point] for point in points], suspect)
        pair = alone | self.branches.closure[others[high - 1]]
        if pair not in self.seen.greens and self.seen.times(pair) < _SIGHTINGS_OF_A_PAIR:
            return self._asked([pair], suspect)
        if pair in self.seen.greens:
            return self._interaction(suspect, others[high - 1])
        return self._guilty(suspect, "pair", suspect.green, suspect.red, others[high - 1])

    def _asked(self, subsets: list[int], suspect: Suspect) -> Answer:
        buildable = tuple(subset for subset in subsets if subset not in self.unbuildable)
        return Question(buildable) if buildable else self._interaction(suspect, None)

    def _interaction(self, suspect: Suspect, partner: int | None) -> Guilty:
        return self._guilty(suspect, "interaction", suspect.green, suspect.red, partner)

    def _guilty(self, suspect: Suspect, kind: Kind, green: int, red: int, partner: int | None = None) -> Guilty:
        return Guilty(
            item=self.branches.items[suspect.place],
            kind=kind,
            partner=None if partner is None else self.branches.items[partner],
            green=self.branches.named(green),
            red=self.branches.named(red),
        )
