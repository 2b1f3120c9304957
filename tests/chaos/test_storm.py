"""Kills at random moments, with people at work: nothing is lost, half done, done twice, unverified, or left running."""

from pathlib import Path

import pytest

from tests.chaos.storm import Storm
from tests.chaos.whole_run import WholeStorm

KILLS = 60


@pytest.mark.slow
def test_whatever_is_killed_and_whatever_people_do_nothing_is_wrong_in_the_end(tmp_path: Path) -> None:
    """The same as `make chaos`; a failure names its seed, `python -m benchmarks.chaos 60 --seed …` draws it again."""
    tally = Storm(tmp_path / "site", seed=20, garbage=True).rage(KILLS, seconds=100)
    print(tally)
    assert tally.wrong == [], tally
    assert tally.kills > KILLS / 4, "too few to mean something"
    assert tally.batches > tally.kills / 6, "the kills came too early to mean something"


@pytest.mark.slow
def test_a_run_that_is_killed_with_or_without_its_agents_goes_on_where_it_was(tmp_path: Path) -> None:
    tally = WholeStorm(tmp_path, seed=20, deletes=True).rage(6, seconds=45)
    print(tally)
    assert tally.wrong == [], tally
