"""Why a rejected branch was red: alone, together with one partner, or only in larger company."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plait.plans.landing.subsets import Branches, Outcome, Subset, between

Kind = Literal["fails-alone", "pair", "interaction"]


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
