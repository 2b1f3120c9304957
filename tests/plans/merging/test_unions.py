"""Files that are only added to: nothing that either side added is lost, and what is no such file has no answer."""

import json
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.merging.unions import union_by_key, union_of_lines
from tests.support.effort import effort


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (b"1\n", b"1\na\n", b"1\nb\n", b"1\na\nb\n"),
        (b"1\n", b"a\n1\n", b"b\n1\n", b"a\nb\n1\n"),
        (b"1\n", b"1\na\n", b"1\na\n", b"1\na\n"),
        (b"1\n", b"1\na\n", b"1\na\nb\n", b"1\na\nb\n"),
        (b"1", b"1\na", b"1\nb", b"1\na\nb"),
        (b"1", b"1\na\n", b"1\nb", b"1\na\nb\n"),
        (b"", b"a\n", b"b\n", b"a\nb\n"),
        (None, b"# Log\n\n- a\n", b"# Log\n\n- b\n", b"# Log\n\n- a\n- b\n"),
        (None, b"## A\n\na\n", b"## B\n\nb\n", b"## A\n\na\n## B\n\nb\n"),
        (b"1\n2\n3\n4\n", b"1\n2\n3\n4\na\n", b"2\n3\n4\nb\n", b"2\n3\n4\na\nb\n"),
        (b"1\r\n", b"1\r\na\r\n", b"1\r\nb\r\n", b"1\r\na\r\nb\r\n"),
        (b"# C\n\n## 1\n\n- x\n", b"# C\n\n## 2\n\n- a\n\n## 1\n\n- x\n", b"# C\n\n## 3\n\n- b\n\n## 1\n\n- x\n",
         b"# C\n\n## 2\n\n- a\n\n## 3\n\n- b\n\n## 1\n\n- x\n"),
        (b"# C\n", b"# C\n### Added\n- a\n", b"# C\n### Added\n- b\n", b"# C\n### Added\n- a\n- b\n"),
        (b"1\n", b"2\n", b"3\n", None),
        (b"1\n", b"2\n", b"1\nb\n", None),
        (b"1\n", b"1\r\na\r\n", b"1\nb\n", b"1\r\na\r\nb\r\n"),
        (b"1\n", b"1\na\n", b"1\r\nb\r\n", b"1\r\na\r\nb\r\n"),
    ],
)  # fmt: skip
def test_what_both_sides_added_is_there_ours_first(base, ours, theirs, merged) -> None:
    assert union_of_lines(base, ours, theirs) == merged


LINES = st.lists(st.sampled_from([b"- a", b"- b", b"", b"## c", b"- d", b"- e"]), max_size=8)


def text(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@st.composite
def added_to(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """A text, and two that were made from it by adding lines."""
    base = [b"line %d" % number for number in range(draw(st.integers(0, 6)))]
    sides = []
    for _ in range(2):
        side = list(base)
        for line in draw(LINES):
            side.insert(draw(st.integers(0, len(side))), line)
        sides.append(side)
    return base, sides[0], sides[1]


def is_within(part: list[bytes], whole: list[bytes]) -> bool:
    """Whether the one is left of the other when lines are taken away."""
    rest = iter(whole)
    return all(any(line == other for other in rest) for line in part)


@given(added_to())
def test_both_sides_are_within_the_union_in_their_order(texts) -> None:
    base, ours, theirs = texts
    merged = union_of_lines(text(base), text(ours), text(theirs))
    assert merged is not None
    lines = merged.split(b"\n")[:-1]
    assert is_within(ours, lines)
    assert is_within(theirs, lines)
    assert len(lines) <= len(ours) + len(theirs)


@given(LINES, LINES)
def test_with_itself_or_with_what_it_came_from_nothing_changes(base, ours) -> None:
    there, here = text(base), text(ours)
    assert union_of_lines(there, here, here) in (here, None)
    assert union_of_lines(there, here, there) in (here, None)
    assert union_of_lines(there, there, here) in (here, None)
    assert union_of_lines(None, here, here) == here


@given(added_to())
def test_of_appended_lines_there_is_always_a_union(texts) -> None:
    base, ours, theirs = texts
    merged = union_of_lines(text(base), text(base + ours), text(base + theirs))
    assert merged is not None
    assert merged.startswith(text(base + ours))


def test_a_text_of_many_alike_lines_costs_little() -> None:
    base = b"same\n" * 100_000
    assert union_of_lines(base, base + b"a\n", base + b"b\n") == base + b"a\nb\n"
    with effort(most=2_000):
        assert union_of_lines(base, b"1\n" + b"other\n" * 100_000, base + b"b\n") is None


def line(key: object, value: object = 0) -> str:
    return json.dumps({"id": key, "is": value})


def lines(*records: str) -> bytes:
    return "".join(f"{record}\n" for record in records).encode()


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([line(1)], [line(1), line(2)], [line(1), line(3)], [line(1), line(2), line(3)]),
        ([line(1)], [line(1, "new")], [line(1), line(3)], [line(1, "new"), line(3)]),
        ([line(1)], [line(1, "new")], [line(1, "new")], [line(1, "new")]),
        ([line(1), line(2)], [line(2)], [line(1), line(2), line(3)], [line(2), line(3)]),
        ([line(1), line(3)], [line(1), line(3)], [line(1), line(2), line(3)], [line(1), line(2), line(3)]),
        ([line(1)], [line(0), line(1)], [line(-1), line(1)], [line(0), line(-1), line(1)]),
        ([line("1")], [line("1"), line(1)], [line("1")], [line("1"), line(1)]),
        ([], [line(1)], [line(1)], [line(1)]),
        ([line(1)], [line(1, "a")], [line(1, "b")], None),
        ([line(1)], [], [line(1, "b")], None),
        ([], [line(1, "a")], [line(1, "b")], None),
        ([line(1)], [line(1), line(1)], [line(1)], None),
        ([line(1)], [line(1), "{}"], [line(1)], None),
        ([line(1)], [line(1), "no JSON"], [line(1)], None),
        ([line(1)], [line(1), "[" * 100_000], [line(1)], None),
    ],
)
def test_lines_with_a_key_are_merged_each_by_itself(base, ours, theirs, merged) -> None:
    union = union_by_key(lines(*base), lines(*ours), lines(*theirs), "id")
    assert union == (None if merged is None else lines(*merged))


def test_the_same_change_in_two_spellings_is_one() -> None:
    ours, theirs = b'{"id": 1, "a": 2}\n', b'{"a":2,"id":1}\n'
    assert union_by_key(lines(line(1)), ours, theirs, "id") == ours


RECORDS = st.dictionaries(st.integers(0, 6), st.integers(0, 2), max_size=6)


@given(RECORDS, RECORDS, RECORDS)
def test_each_key_is_as_whoever_changed_it_left_it(base, ours, theirs) -> None:
    texts = [lines(*(line(key, value) for key, value in records.items())) for records in (base, ours, theirs)]
    merged = union_by_key(*texts, "id")
    both = [
        key
        for key in {*base, *ours, *theirs}
        if ours.get(key) != theirs.get(key) and base.get(key) not in (ours.get(key), theirs.get(key))
    ]
    if both:
        assert merged is None
        return
    assert merged is not None
    records = [json.loads(record) for record in merged.splitlines()]
    found = {record["id"]: record["is"] for record in records}
    expected = {key: theirs.get(key) if ours.get(key) == base.get(key) else ours.get(key) for key in (*ours, *theirs)}
    assert found == {key: value for key, value in expected.items() if value is not None}
    assert all(len(list(group)) == 1 for _, group in groupby(sorted(record["id"] for record in records)))
