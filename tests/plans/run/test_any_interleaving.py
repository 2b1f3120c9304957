"""Whatever happens to a whole run in whatever order: it ends, nothing wrong lands, and nobody waits for nothing."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.soak import soaked
from tests.plans.run.plans import drawn_manifest
from tests.plans.run.world import World


def played(random: Random, *, steps: int) -> World:
    world = World(random, drawn_manifest(random))
    for _ in range(steps):
        world.step()
    world.finish()
    return world


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False), steps=st.integers(0, 60))
def test_any_run_ends_and_nothing_wrong_lands(random: Random, steps: int) -> None:
    played(random, steps=steps)


@pytest.mark.slow
def test_a_hundred_thousand_events_break_nothing() -> None:
    heard, _runs = soaked(100_000, seed=20_261_129)

    assert heard >= 100_000
