"""What was seen of the sets of a batch, each as often as it was verified, and how far a red is to be believed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, log
from typing import Literal

Outcome = Literal["green", "red"]

MOST_REDS = 6
"""How often a set is seen red at most before its branch is rejected; where that would not do, nobody is."""
_CHANCE = 1 / 2000
"""How probable it may be that flakes alone get any branch of a batch rejected."""
_MOST_OFTEN = 0.9
_OFTEN = 0.12
"""From which share of false reds on none is believed that was seen once only."""


@dataclass(frozen=True, slots=True)
class Flakiness:
    """How often trees that are green were seen red; what nothing is known of is taken to be so once in fifty times."""

    flakes: float = 0.0
    verifications: float = 0.0
    """Of trees that were seen green at least once."""

    @property
    def rate(self) -> float:
        return min(_MOST_OFTEN, (0.2 + self.flakes) / (10.0 + self.verifications))

    def and_seen(self, flakes: float, verifications: float) -> "Flakiness":
        return Flakiness(self.flakes + flakes, self.verifications + verifications)


@dataclass(slots=True)
class Sightings:
    """By set, how often it was green and how often red. A green counts, whenever it was seen: what lands is just that.

    A set that was both is a flake.
    """

    past: Flakiness = field(default_factory=Flakiness)
    greens: dict[int, int] = field(default_factory=dict)
    reds: dict[int, int] = field(default_factory=dict)

    def add(self, subset: int, outcome: Outcome, times: int = 1) -> None:
        counts = self.greens if outcome == "green" else self.reds
        counts[subset] = counts.get(subset, 0) + times

    def times(self, subset: int) -> int:
        """How often it was verified."""
        return self.greens.get(subset, 0) + self.reds.get(subset, 0)

    @property
    def outcomes(self) -> Mapping[int, Outcome]:
        """What is believed of each set; nothing of one that was not seen red often enough."""
        enough = self.reds_to_believe
        believed: dict[int, Outcome] = {subset: "red" for subset, count in self.reds.items() if count >= enough}
        return believed | dict.fromkeys(self.greens, "green")

    @property
    def flaky(self) -> Iterator[int]:
        """The sets that were seen both green and red."""
        return (subset for subset in self.reds if subset in self.greens)

    @property
    def flakiness(self) -> Flakiness:
        flakes = sum(self.reds[subset] for subset in self.flaky)
        return self.past.and_seen(flakes, flakes + sum(self.greens.values()))

    @property
    def reds_to_believe(self) -> int:
        """How many reds narrow the search: usually one, as whoever is rejected in the end was seen red more often."""
        rate = self.flakiness.rate
        return 1 if rate < _OFTEN else min(MOST_REDS, ceil(log(0.05) / log(rate)))

    @property
    def reds_to_reject(self) -> int:
        """How many reds with a branch, where it was green without, are more than chance in all of this search.

        Example: at 2 % flakes and ten verifications 10 · 0.02³ is little enough, and 10 · 0.02² is not: three.
        """
        verified = max(10, sum(self.greens.values()) + sum(self.reds.values()))
        return max(2, ceil(log(_CHANCE / verified) / log(self.flakiness.rate)))
