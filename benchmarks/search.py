"""The search of a red batch in simulation: its verifications beside those of others and the bound, and its flakes.

Run it with `python -m benchmarks.search [DRAWS]`. The first red counts, the base and repeats are told apart.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb, log2
from random import Random
from statistics import mean

from benchmarks.measuring import numbers_given, show
from plait.plans.landing.bisection import Search, Verdict, Verify

GUILTY = (1, 2, 4, 8)
GOALS = {1: (9.0, 10.0, 4.0), 2: (14.8, 16.5, 5.2), 4: (24.5, 27.5, 6.2), 8: (38.8, 45.0, 8.6)}
"""Of 64, by how many are bad: to land and to verdict with one slot, rounds to land with eight."""


def main() -> int:
    """Simulate, print tables, write JSON."""
    draws = int(*numbers_given(__doc__, draws=200))
    rows = [row(64, guilty, slots, draws) for slots in (1, 2, 4, 8, 16) for guilty in GUILTY]
    show("search-effort", "64 branches, means; goals at W=1 (land, verdict) and W=8 (rounds)", rows)
    others = [others_row(64, guilty, draws) for guilty in GUILTY]
    show("search-others", "64 branches: what others take, and the information bound", others)
    cases = [(16, 1, slots, 0.02, 0.0, 20 * draws) for slots in (1, 8)]
    cases += [(64, 2, slots, 0.02, 0.0, 4 * draws) for slots in (1, 8)]
    cases += [(16, 0, 1, 0.02, 0.0, 4 * draws), (16, 1, 1, 0.3, 0.0, 4 * draws), (16, 1, 1, 0.0, 0.3, 4 * draws)]
    flaky = [flaky_row(*case) for case in cases]
    show("search-flakes", "Flakes: false reds, and bad branches that pass by luck", flaky)
    return 0


@dataclass
class Effort:
    """What one search took."""

    verdict: Verdict
    to_land: int = 1
    in_all: int = 1
    repeats: int = 0
    rounds_to_land: int = 1


def searched(
    size: int, bad: Iterable[int], slots: int, draw: Random, *, lies: float = 0.0, luck: float = 0.0
) -> Effort:
    """One search whose verifications all take equally long, on a base that was seen green before."""
    items, guilty = [f"b{number:03}" for number in range(size)], {f"b{number:03}" for number in bad}
    search = Search(items, needs={}, slots=slots)
    search.record((), "green")
    effort = Effort(Verdict((), (), ()))
    while isinstance(step := search.next_step(), Verify):
        was_open = search.landed is None
        for subset in (*step.subsets, *step.again):
            is_bad = not guilty.isdisjoint(subset)
            green = draw.random() < luck if is_bad else draw.random() >= lies
            search.record(subset, "green" if green else "red")
        effort.in_all += len(step.subsets)
        effort.repeats += len(step.again)
        if was_open:
            effort.to_land += len(step.subsets)
            effort.rounds_to_land += 1
    effort.verdict = step
    return effort


def row(size: int, guilty: int, slots: int, draws: int) -> dict[str, object]:
    """Means without flakes; asserts that exactly the guilty are rejected."""
    draw, efforts = Random(guilty), []
    for _ in range(draws):
        bad = draw.sample(range(size), guilty)
        efforts.append(searched(size, bad, slots, draw))
        if {one.item for one in efforts[-1].verdict.rejected} != {f"b{number:03}" for number in bad}:
            raise AssertionError("somebody else was rejected")
    goals = GOALS[guilty]
    return {
        "W": slots,
        "bad": guilty,
        "to land": mean(one.to_land for one in efforts),
        "goal": goals[0] if slots == 1 else None,
        "to verdict": mean(one.in_all for one in efforts),
        "its goal": goals[1] if slots == 1 else None,
        "rounds to land": mean(one.rounds_to_land for one in efforts),
        "goal of rounds": goals[2] if slots == 8 else None,
        "repeats": mean(one.repeats for one in efforts),
    }


def flaky_row(size: int, guilty: int, slots: int, lies: float, luck: float, draws: int) -> dict[str, object]:
    """How often anybody innocent was rejected."""
    draw, wrong, waiting, passed, repeats = Random(size), 0, 0, 0, 0
    for _ in range(draws):
        bad = draw.sample(range(size), guilty)
        names = {f"b{number:03}" for number in bad}
        effort = searched(size, bad, slots, draw, lies=lies, luck=luck)
        wrong += any(one.item not in names for one in effort.verdict.rejected)
        waiting += len(set(effort.verdict.acquitted) - names)
        passed += not names.isdisjoint(effort.verdict.landed)
        repeats += effort.repeats
    return {
        "N": size,
        "bad": guilty,
        "W": slots,
        "false reds": lies,
        "pass by luck": luck,
        "batches": draws,
        "rejected an innocent": wrong,
        "innocents that wait, a batch": waiting / draws,
        "bad that landed, share": passed / draws,
        "repeats": repeats / draws,
    }


def others_row(size: int, guilty: int, draws: int) -> dict[str, object]:
    """Runs of bors' halving, runs and rounds of a window as Zuul has it, and what information theory asks for."""
    draw = Random(guilty)
    drawn = [set(draw.sample(range(size), guilty)) for _ in range(draws)]
    return {
        "bad": guilty,
        "bors, halving": mean(halving(range(size), bad) for bad in drawn),
        "Zuul, window 8": mean(windows(size, bad, 8)[0] for bad in drawn),
        "its rounds": mean(windows(size, bad, 8)[1] for bad in drawn),
        "bound, log2 C(N, k)": log2(comb(size, guilty)),
    }


def halving(some: Sequence[int], bad: set[int]) -> int:
    """Each red half is halved again, and nothing is inferred."""
    if bad.isdisjoint(some) or len(some) == 1:
        return 1
    middle = len(some) // 2
    return 1 + halving(some[:middle], bad) + halving(some[middle:], bad)


def windows(size: int, bad: set[int], window: int) -> tuple[int, int]:
    """Runs and rounds: the first `window` are verified as growing prefixes; what is behind a red one starts anew."""
    runs = rounds = done = 0
    while done < size:
        inside = list(range(done, min(size, done + window)))
        runs += len(inside)
        rounds += 1
        first = next((place for place, number in enumerate(inside) if number in bad), None)
        done += len(inside) if first is None else first + 1
    return runs, rounds


if __name__ == "__main__":
    sys.exit(main())
