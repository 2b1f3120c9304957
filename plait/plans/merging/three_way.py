"""Three-way merging of anything that can be compared: of single values, and of lines, without a process."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")
Place = tuple[str, ...]
"""Of something within a file: the names of what it is in."""

MOST_STEPS = 1_000_000
"""Of the search for what two versions have in common, quadratic in what they differ by: about a second for one file."""


class GivesUp(Exception):
    """No merge that is certain; the argument says why, for tests and for whoever improves this."""


@dataclass(slots=True)
class Effort:
    """What may still be spent on one file."""

    left: int = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Raises: GivesUp."""
        self.left -= steps
        if self.left < 0:
            raise GivesUp("the versions differ too much")


def settle(base: _T, ours: _T, theirs: _T, *, what: str) -> _T:
    """The value that one side changed, or both in the same way.

    Raises:
        GivesUp: both changed it, differently.
    """
    if ours in (theirs, base):
        return theirs
    if theirs == base:
        return ours
    raise GivesUp(f"both sides changed {what}")


def changes_are_kept(
    base: Counter[_T], ours: Counter[_T], theirs: Counter[_T], merged: Counter[_T], *, what: str
) -> None:
    """See that each is there as often more or less as both sides' changes come to; what both did may count once.

    Raises:
        GivesUp: something of a side is lost, or has come back.
    """
    for part in base.keys() | ours.keys() | theirs.keys() | merged.keys():
        mine, other, change = ours[part] - base[part], theirs[part] - base[part], merged[part] - base[part]
        low, high = mine + other, mine + other
        if mine > 0 and other > 0:
            low = max(mine, other)
        elif mine < 0 and other < 0:
            high = min(mine, other)
        if not low <= change <= high:
            raise GivesUp(f"{what} would be there {change - low:+} times: {str(part)[:60]}")


def numbers_are_told_apart(*versions: Mapping[Place, Sequence[int]]) -> None:
    """Refuse a number that two things of one place have, where each version has its own for all of them: codes, ports.

    Args:
        versions: Base, ours, theirs and the merged one.

    Raises:
        GivesUp: both sides took the next number.
    """
    *before, after = versions
    for place, numbers in after.items():
        if len(set(numbers)) < len(numbers) and len(before[0].get(place, ())) > 1:
            known = [version.get(place, ()) for version in before]
            if all(len(set(told)) == len(told) for told in known):
                raise GivesUp(f"two have one number in {' '.join(place) or 'the file'}")


def merge_lines(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, what: str, effort: Effort
) -> tuple[str, ...]:
    """diff3: what one side changed, where an unchanged line lies between it and what the other side changed.

    `a b c` with ours `A b c` and theirs `a b C` is `A b C`; with theirs `a B c` it gives up, as git does.

    Raises:
        GivesUp: changes overlap or touch, or finding them takes too long.
    """
    with_ours, with_theirs = _matches(base, ours, effort), _matches(base, theirs, effort)
    merged: list[str] = []
    at, at_ours, at_theirs = 0, 0, 0
    stable = sorted(with_ours.keys() & with_theirs.keys())
    for here in (*stable, len(base)):
        here_ours = with_ours.get(here, len(ours)) if here < len(base) else len(ours)
        here_theirs = with_theirs.get(here, len(theirs)) if here < len(base) else len(theirs)
        old, mine, other = base[at:here], ours[at_ours:here_ours], theirs[at_theirs:here_theirs]
        merged += settle(tuple(old), tuple(mine), tuple(other), what=f"the same lines of {what}")
        merged += base[here : here + 1]
        at, at_ours, at_theirs = here + 1, here_ours + 1, here_theirs + 1
    return tuple(merged)


def _matches(old: Sequence[str], new: Sequence[str], effort: Effort) -> dict[int, int]:
    """Lines that stay: their place in `old` to that in `new` (Myers' greedy search for the fewest edits)."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end_old, end_new = len(old), len(new)
    while end_old > start and end_new > start and old[end_old - 1] == new[end_new - 1]:
        end_old, end_new = end_old - 1, end_new - 1
    pairs = {place: place for place in range(start)}
    pairs |= {end_old + step: end_new + step for step in range(len(old) - end_old)}
    for place, other in _shortest(old[start:end_old], new[start:end_new], effort):
        pairs[start + place] = start + other
    return pairs


def _shortest(old: Sequence[str], new: Sequence[str], effort: Effort) -> list[tuple[int, int]]:
    furthest = {1: 0}
    trail: list[dict[int, int]] = []
    for edits in range(len(old) + len(new) + 1):
        effort.spend(2 * edits + 1)
        trail.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (
                diagonal != edits and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
            )
            at = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            while at < len(old) and at - diagonal < len(new) and old[at] == new[at - diagonal]:
                at += 1
                effort.spend(1)
            furthest[diagonal] = at
            if at >= len(old) and at - diagonal >= len(new):
                return _walked_back(trail, len(old), len(new))
    raise AssertionError("two versions always differ by no more than all of their lines")


def _walked_back(trail: list[dict[int, int]], at: int, other: int) -> list[tuple[int, int]]:
    pairs = []
    for edits in range(len(trail) - 1, -1, -1):
        furthest = trail[edits]
        diagonal = at - other
        down = diagonal == -edits or (
            diagonal != edits and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
        )
        before = diagonal + 1 if down else diagonal - 1
        start = furthest[before] if edits else 0
        start_other = start - before if edits else 0
        while at > start and other > start_other:
            at, other = at - 1, other - 1
            pairs.append((at, other))
        at, other = start, start_other
    return pairs[::-1]
