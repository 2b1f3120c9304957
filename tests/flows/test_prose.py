"""Reports on a terminal: sentences are broken between words, commands never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.terminal.text_layout import wrapped

LINES = [
    "cart has landed",
    "  A failed after 1 try: it said that it was done and was not",
    "next:",
    "  git " + "x" * 50,
]


def test_sentences_are_broken_and_their_further_lines_stand_in() -> None:
    assert list(wrapped(LINES, width=30)) == [
        "cart has landed",
        "  A failed after 1 try: it",
        "    said that it was done and",
        "    was not",
        "next:",
        "  git " + "x" * 50,
    ]


def test_where_there_is_room_nothing_changes() -> None:
    assert list(wrapped(LINES, width=200)) == LINES


@pytest.mark.parametrize("line", ["", "   "])
def test_an_empty_line_stays_one(line: str) -> None:
    assert len(list(wrapped([line], width=30))) == 1


@given(st.text(alphabet="ab \U0001f98a—", max_size=200), st.integers(20, 100))
def test_no_word_is_lost(line: str, width: int) -> None:
    assert "".join(" ".join(wrapped([line], width=width)).split()) == "".join(line.split())
