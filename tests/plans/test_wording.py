"""Where there is room for one line, it says what went wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.wording import key_line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("no", "no"),
        ("the set-up failed:\n", "the set-up failed"),
        ("the set-up failed:\npip: cannot reach the index\nbye\n", "the set-up failed: pip: cannot reach the index"),
        ("`make` ended with 1:\n2 passed\n1 red\n", "`make` ended with 1: 1 red"),
        ("status 2: ls: cannot access x\nls: cannot access x\n", "status 2: ls: cannot access x"),
    ],
)
def test_the_beginning_and_the_line_that_tells_why(text: str, told: str) -> None:
    assert key_line(text) == told


@given(st.text(alphabet=": \nafilerror"))
def test_it_is_one_line_whatever_it_is_made_of(text: str) -> None:
    told = key_line(text)
    assert "\n" not in told
