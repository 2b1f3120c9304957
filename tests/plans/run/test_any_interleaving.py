"""Whatever happens to a whole run in whatever order: it ends, nothing wrong lands, and nobody waits for nothing."""

import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.soak import soaked
from plait.plans.journal.events import Event
from tests.plans.run.plans import drawn_manifest
from tests.plans.run.world import World

ARCHITECTURE = Path(__file__).parents[3] / "ARCHITECTURE.md"
EVENTS = {event.__name__ for event in get_args(Event)}


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


def documented_effects() -> dict[str, set[str]]:
    """By event, the effects that the table of ARCHITECTURE.md says may follow; any may be told of."""
    table: dict[str, set[str]] = {}
    for line in ARCHITECTURE.read_text(encoding="utf-8").splitlines():
        cells = [re.findall(r"`(\w+)`", cell) for cell in line.split("|")]
        if len(cells) == 5 and set(cells[1]) <= EVENTS:
            table |= {event: {*cells[3], "Tell"} for event in cells[1]}
    return table


@pytest.mark.slow
def test_every_effect_that_follows_an_event_is_in_the_table_and_new_versions_are_met_often() -> None:
    followed: Counter[tuple[str, str]] = Counter()
    for seed in range(2_000):
        random = Random(seed)  # noqa: S311 - no secret
        followed += played(random, steps=random.randint(0, 60)).followed

    table = documented_effects()
    assert set(table) == EVENTS
    assert {pair for pair in followed if pair[1] not in table[pair[0]]} == set()
    again = sum(times for (_event, effect), times in followed.items() if effect == "PutBranchAside")
    assert again >= 40, "work that rests on an old version has to go again"


@pytest.mark.slow
def test_a_hundred_thousand_events_break_nothing() -> None:
    heard, _runs = soaked(100_000, seed=20_261_129)

    assert heard >= 100_000
