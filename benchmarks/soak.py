"""Lets anything happen to runs in any order: `python -m benchmarks.soak EVENTS [SEED]`, or `make soak N=EVENTS`.

The world of the tests (tests/plans/run/world.py) without Hypothesis: ten times as many events a second. A failure names
its seed; `python -m benchmarks.soak 1 SEED` plays it again.
"""

import time
from random import Random

from benchmarks.measuring import numbers_given
from tests.plans.run.plans import drawn_manifest
from tests.plans.run.world import World

STEPS = 60


def soaked(events: int, seed: int = 0) -> tuple[int, int]:
    """Play runs from this seed on until so many events were heard; how many events and runs it was.

    Raises:
        AssertionError: something that must always hold did not; the seed is in the notes of the exception.
    """
    heard, runs = 0, 0
    while heard < events:
        random = Random(seed + runs)
        try:
            world = World(random, drawn_manifest(random))
            for _ in range(random.randint(0, STEPS)):
                world.step()
            world.finish()
        except Exception as problem:
            problem.add_note(f"seed {seed + runs}: python -m benchmarks.soak 1 {seed + runs}")
            raise
        heard, runs = heard + world.events, runs + 1
    return heard, runs


if __name__ == "__main__":
    wanted, seed = map(int, numbers_given(__doc__, events=100_000, seed=0))
    began = time.perf_counter()
    heard, runs = soaked(wanted, seed)
    print(f"{heard:,} events in {runs:,} runs, {time.perf_counter() - began:.0f} s: nothing broke")
