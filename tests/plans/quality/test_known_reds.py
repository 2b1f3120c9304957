"""What of a red command is new, held against what was red on base."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.quality.failing_tests import MOST
from plait.plans.quality.known_reds import RedCommand, new_failures

NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6).map(tuple)
REDS = st.builds(RedCommand, st.just("tests"), st.just("pytest"), NAMES, st.booleans())


@given(red=REDS)
def test_what_is_red_on_base_as_well_is_never_new(red: RedCommand) -> None:
    assert new_failures(red, [RedCommand("", "make"), red]) is None


@given(red=REDS, before=REDS)
def test_what_is_new_is_red_and_not_red_on_base_and_nothing_is_lost(red: RedCommand, before: RedCommand) -> None:
    fresh = new_failures(red, [before])
    if fresh is None:
        assert before.failing == () or (red.failing and set(red.failing) <= set(before.failing))
        assert before.timed_out or not red.timed_out
    else:
        assert set(red.failing) - set(before.failing) <= set(fresh.failing) <= set(red.failing)


@pytest.mark.parametrize(
    ("red", "before"),
    [
        (RedCommand("", "pytest"), RedCommand("", "pytest", ("a",))),  # it broke off before any test
        (RedCommand("", "pytest", timed_out=True), RedCommand("", "pytest")),
        (RedCommand("", "pytest", ("a",)), RedCommand("", "make", ("a",))),
        (RedCommand("slow", "pytest", ("a",)), RedCommand("fast", "pytest", ("a",))),
    ],
)
def test_what_base_does_not_show_is_new(red: RedCommand, before: RedCommand) -> None:
    assert new_failures(red, [before]) == red


def test_a_list_of_names_that_is_cut_off_is_no_proof() -> None:
    names = tuple(f"test_{number}" for number in range(MOST))
    red = RedCommand("", "pytest", names)
    assert new_failures(red, [red]) == red
    less = replace(red, failing=names[1:])
    assert new_failures(less, [red]) is None
