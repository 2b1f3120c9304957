"""How long verification takes, and when a run is over that has yet to land something."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.forecasts.reforecasting import Landing, Verified, usual_verification, verification_lengths

DRAWS = Random(1)  # noqa: S311  a simulation
lengths = st.lists(st.floats(0.01, 1e5), min_size=1, max_size=5).map(tuple)
moments = st.floats(0, 1e6)


def test_batches_that_were_verified_once_say_how_long_that_takes() -> None:
    batches = [Verified(60, 1), Verified(70, 1), Verified(20, 4), Verified(5, 0)]

    assert verification_lengths(batches) == (60, 70)
    assert usual_verification((60, 70, 500)) == 70


def test_a_search_says_it_only_where_there_is_nothing_else() -> None:
    assert verification_lengths([Verified(20, 4), Verified(5, 0)]) == (5,)


def test_nothing_is_known_before_the_first() -> None:
    assert verification_lengths([Verified(5, 0), Verified(0, 1)]) == ()
    assert usual_verification(()) is None


def test_the_run_ends_one_verification_after_its_last_task() -> None:
    assert Landing((60.0,)).end(100.0, now=10.0, random=DRAWS) == 160


def test_a_batch_in_work_ends_before_the_next_begins() -> None:
    began_30_ago = Landing((60.0,), running=30.0)

    assert began_30_ago.end(15.0, now=10.0, random=DRAWS) == 10 + 30 + 60
    assert began_30_ago.end(500.0, now=10.0, random=DRAWS) == 560


def test_where_nothing_comes_after_the_batch_in_work_the_run_ends_with_it() -> None:
    assert Landing((60.0,), running=45.0, more=False).end(0.0, now=10.0, random=DRAWS) == 25


@given(lengths, st.none() | st.floats(0, 1e6), st.booleans(), moments, moments)
def test_the_end_is_never_past_and_never_now_however_long_it_takes(
    known: tuple[float, ...], running: float | None, more: bool, last: float, now: float
) -> None:
    more = more or running is None
    end = Landing(known, running=running, more=more).end(last, now=now, random=DRAWS)

    assert end > max(last, now) or end == pytest.approx(max(last, now))
    assert end >= now


def test_a_batch_that_takes_much_longer_than_any_before_is_not_about_to_end() -> None:
    """It is searching, and what is left of that is no second."""
    for gone in (61.0, 600.0, 6000.0):
        assert Landing((60.0,), running=gone, more=False).end(0.0, now=0.0, random=DRAWS) == 30
