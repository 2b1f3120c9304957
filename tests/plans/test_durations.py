"""Lengths of time are read as people write them, and written so that they can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.language.durations import LONGEST, Estimate, format_duration, parse_duration, read_estimate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("45s", 45),
        ("2d", 172_800),
        ("1w", 604_800),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("1H30M", 5400),
        ("0s", 0),
        (" 10m ", 600),
        ("PT1H30M", 5400),
        ("P1DT2H", 93_600),
        ("P2W", 1_209_600),
        ("PT0.5S", 0.5),
        ("1d1h1m1s1ms", 90_061.001),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("90", "has no unit"),
        ("1.5", "has no unit"),
        ("-3", "has no unit"),
        ("", "is empty"),
        ("   ", "is empty"),
        ("soon", "is not a duration"),
        ("1h2h", "is not a duration"),
        ("30m1h", "is not a duration"),
        ("-1h", "is not a duration"),
        ("1:30:00", "is not a duration"),
        ("P", "is not a duration"),
        ("PT", "is not a duration"),
        ("P1Y", "is not a duration"),
        ("P1M", "is not a duration"),
        ("1e3s", "is not a duration"),
        ("nan", "is not a duration"),
        ("٣h", "is not a duration"),
        ("h", "is not a duration"),
        ("9" * 5000 + "h", "is not a duration"),
        ("99999d", "longer than ten years"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5400, "1h30m"),
        (45, "45s"),
        (172_800, "2d"),
        (0, "0s"),
        (0.25, "0.25s"),
        (90.5, "1m30.5s"),
        (-60, "-1m"),
        (59.9999, "1m"),
        (-0.0001, "0s"),
    ],
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_what_is_no_length_of_time_is_not_written() -> None:
    with pytest.raises(ValueError, match="not a length"):
        format_duration(float("inf"))


@given(st.floats(0, LONGEST))
def test_a_written_duration_is_read_back_to_the_millisecond(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=0.00051)
    assert parse_duration(format_duration(parse_duration(format_duration(seconds)))) == round(seconds, 3)


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 <= seconds <= LONGEST


def test_one_duration_stands_for_all_three_points() -> None:
    assert read_estimate("2h") == Estimate(7200, 7200, 7200)


def test_three_points_must_not_fall() -> None:
    assert Estimate(1, 2, 3).likely == 2
    with pytest.raises(ValueError, match="must not fall: 3s, 2s, 1s"):
        Estimate(3, 2, 1)
