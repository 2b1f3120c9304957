"""Kills at random moments, with people at work: nothing is lost, half done, done twice, unverified, or left running."""

from pathlib import Path

import pytest

from tests.chaos.storm import Storm

KILLS = 60


@pytest.mark.slow
def test_whatever_is_killed_and_whatever_people_do_nothing_is_wrong_in_the_end(tmp_path: Path) -> None:
    """The same as `make chaos`; a failure names its seed, `python -m benchmarks.chaos 60 --seed …` draws it again."""
    tally = Storm(tmp_path / "site", seed=20).rage(KILLS, seconds=100)
    print(tally)
    assert tally.wrong == [], tally
    assert tally.kills > KILLS / 4, "too few to mean something"
    assert tally.batches > tally.kills / 6, "the kills came too early to mean something"
