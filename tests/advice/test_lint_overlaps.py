"""The index of patterns finds what comparing all pairs finds, and its effort has an end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.advice.lint.overlaps import PatternIndex
from plait.plans.paths import normalize, overlap

SEGMENTS = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "?", "a?", "**", "x*y", "b.py", "*.py"])
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join).map(normalize)


@settings(max_examples=500, deadline=None)
@given(st.lists(PATTERNS, max_size=25), PATTERNS)
def test_the_index_finds_what_all_pairs_find(patterns: list[str], asked: str) -> None:
    index = PatternIndex(patterns)
    for pattern in (asked, *patterns):
        found = list(index.overlapping(pattern))
        assert len(found) == len(set(found))
        assert set(found) == {other for other in patterns if overlap(pattern, other)}


def test_names_that_differ_from_the_beginning_are_never_compared() -> None:
    index = PatternIndex([f"src/{number}/**" for number in range(1_000)], effort=0)
    assert list(index.overlapping("src/7/x.py")) == ["src/7/**"]
    assert list(index.overlapping("src/8/**")) == ["src/8/**"]


def test_effort_has_an_end_and_says_so() -> None:
    patterns = [f"**/*{number}*" for number in range(200)]
    index = PatternIndex(patterns, effort=1_000)
    found = [list(index.overlapping(pattern)) for pattern in patterns]
    assert index.is_exhausted
    assert all(pattern in others for pattern, others in zip(patterns, found, strict=True))
