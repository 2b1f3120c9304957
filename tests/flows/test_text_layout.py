"""Columns and paragraphs keep to their width, whatever is written in them; commands are never broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.terminal.text_layout import Column, paragraph, table_lines, wrapped
from plait.show.pictures.cells import Line, Piece, cells

WORDS = st.text("ab é界\u0301-", max_size=12)


def wide(line: Line) -> int:
    return sum(cells(piece.words) for piece in line)


def words(line: Line) -> str:
    return "".join(piece.words for piece in line)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5), st.integers(14, 40))
def test_columns_that_can_be_spared_go_before_a_line_is_too_long(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column("name", most=12), Column("more", spare=1, right=True), Column("most", spare=2))
    lines = table_lines(columns, [[(Piece(word),) for word in row] for row in rows], width=width)
    assert len(lines) == len(rows) + 1
    assert all(wide(line) <= width for line in lines)
    assert words(lines[0]).startswith("name")


def test_what_is_too_long_for_its_column_is_cut_and_figures_stand_right() -> None:
    columns = (Column("task", most=8), Column("ends", right=True), Column())
    rows: list[list[Line]] = [
        [(Piece("a-very-long-one"),), (Piece("9h"),), (Piece("x"), Piece("y"))],
        [(Piece("b"),), (Piece("10h30m"),), (Piece(""),)],
    ]
    assert [words(line).rstrip() for line in table_lines(columns, rows, width=60)] == [
        "task        ends",
        "a-very-…      9h  xy",
        "b         10h30m",
    ]


def test_columns_without_headings_or_cells_take_no_line_and_no_room() -> None:
    assert table_lines((Column(), Column()), [], width=20) == []
    assert [words(line) for line in table_lines((Column(), Column()), [[(Piece(""),), (Piece("a"),)]], width=20)] == [
        "a"
    ]


@given(st.text("ab 界", max_size=80), st.integers(10, 40), st.integers(0, 2))
def test_a_paragraph_keeps_its_width_and_its_words(text: str, width: int, indent: int) -> None:
    lines = list(paragraph(text, width=width, indent=indent))
    assert all(wide(line) <= width for line in lines)
    assert "".join(words(line) for line in lines).replace(" ", "") == text.replace(" ", "")


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
