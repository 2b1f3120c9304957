"""Times that programs name for the end of a limit: read where they can be believed, never by a flood."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.plans.accounts.named_times import LATEST, named_time
from tests.support.patience import patience

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 30, 14, 0, tzinfo=BERLIN)
"""A Monday."""


def zone_of(name: str) -> tzinfo | None:
    return ZoneInfo(name) if name in ("Europe/Berlin", "America/New_York", "UTC") else None


def named(text: str, now: datetime = NOW) -> datetime | None:
    moment = named_time(text, now, zone_of)
    return None if moment is None else datetime.fromtimestamp(moment, BERLIN)


def on(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (f"Claude AI usage limit reached|{int(NOW.timestamp()) + 600}", on(30, 14, 10)),
        (f'"resetsAt":{int(NOW.timestamp()) + 60}', on(30, 14, 1)),
        (f'"reset_at": {int(NOW.timestamp() + 60) * 1000}', on(30, 14, 1)),
        ("5-hour limit reached ∙ resets 3pm", on(30, 15)),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", on(30, 15)),
        ("Your limit will reset at 3:30pm (America/New_York).", on(30, 21, 30)),
        ("resets at 15:00 UTC", on(30, 16)),
        ("resets 9am (Mars/Olympus)", on(1, 9, month=12)),
        ("resets 12am", on(1, 0, month=12)),
        ("Weekly limit reached ∙ resets Dec 2, 3pm (Europe/Berlin)", on(2, 15, month=12)),
        ("resets Dec 2 at 5am", on(2, 5, month=12)),
        ("resets Tue 9am", on(1, 9, month=12)),
        ("resets Mon 9am", on(7, 9, month=12)),
        ("resets tomorrow at 9am", on(1, 9, month=12)),
        ("or try again at 3:45 PM.", on(30, 15, 45)),
        ("try again at Dec 9th, 2026 3:45 PM.", on(9, 15, 45, month=12)),
        ("try again in 3 days 4 hours 12 minutes.", on(3, 18, 12, month=12)),
        ("try again in 2 hours", on(30, 16)),
        ("resets in 2h 10m", on(30, 16, 10)),
        ("Your quota will reset after 5h13m22s.", on(30, 19, 13, 22)),
        ("Suggested retry after 90s.", on(30, 14, 1, 30)),
        ("Retry-After: 120", on(30, 14, 2)),
        ('"retry-after":"30"', on(30, 14, 0, 30)),
        ("retry-after: Mon, 30 Nov 2026 13:30:00 GMT", on(30, 14, 30)),
        ("resets at 2026-11-30T15:00:00Z", on(30, 16)),
        ("reset at 2026-11-30 15:00", on(30, 15)),
        ("reset at 2026-11-30T15:00:00-05:00", on(30, 21)),
        ("resets at 3:00 PM ET", on(30, 21)),
        ("resets at 17:00 UTC+2", on(30, 16)),
        ("quota resets daily at 00:00 UTC", on(1, 1, month=12)),
        ("quota resets at midnight", on(1, 0, month=12)),
        ("try again in an hour", on(30, 15)),
        ("Please wait 20 seconds before retrying", on(30, 14, 0, 20)),
        ("available in about 2 hours", on(30, 16)),
        ("limit resets in 00:04:30", on(30, 14, 4, 30)),
        ('"resets_in_seconds": 3600', on(30, 15)),
        ("retry-after-ms: 2000", on(30, 14, 0, 2)),
        ("x-ratelimit-reset-requests: 6m0s", on(30, 14, 6)),
        ("limit resets on December 3", on(3, 0, month=12)),
        ("limit resets Monday", on(7, 0, month=12)),
        ("limit resets 2026-12-02", on(2, 0, month=12)),
    ],
)
def test_what_programs_print_is_understood(text: str, moment: datetime) -> None:
    assert named(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "Try again later.",
        "Claude AI usage limit reached|1764450000",
        "Claude AI usage limit reached|4102444800",
        "resets Jan 5, 2055 3pm",
        "resets Oct 9, 3pm",
        "resets 1:30pm",
        "resets 25:61",
        "resets Feb 30 at 5am",
        "retry-after: Mon, 99 Foo 2026 13:30:00 GMT",
        "limit 429 after 3 attempts",
        "error 1796044200 in 3 files",
        "2026-11-30T15:00:00Z ERROR usage limit reached",
        "reset at 2026-13-45T99:00:00Z",
    ],
)
def test_what_is_past_far_away_or_no_time_of_an_end_is_none(text: str) -> None:
    assert named(text) is None


def test_a_clock_time_is_meant_in_the_zone_of_the_machine_also_where_clocks_are_put_back() -> None:
    before = datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN)
    moment = named_time("resets 4am", before, zone_of)
    assert moment is not None
    assert datetime.fromtimestamp(moment, BERLIN).hour == 4
    assert moment - before.timestamp() == 7 * 3_600, "the night has an hour more"


PIECES = st.sampled_from(
    [
        "resets ",
        "again ",
        "in ",
        "at ",
        "3pm",
        " (Europe/Berlin)",
        "Dec ",
        "31",
        ":",
        "99",
        "2h",
        "5 days ",
        "retry-after: ",
        "Mon, ",
        "0",
        "9999999999999",
        "2026-02-30T25:00:00",
        "Z",
        "+99:99",
        "Feb ",
        "tomorrow ",
        " and ",
        "٣",
        "\n",
    ]
) | st.just("|1764450000")


@given(text=st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join))
@example("resets at 0999-01-01T00:00:00Z")
def test_whatever_is_printed_it_is_a_time_ahead_that_can_be_believed_or_none(text: str) -> None:
    moment = named_time(text, NOW, zone_of)
    assert moment is None or NOW.timestamp() < moment <= NOW.timestamp() + LATEST


@pytest.mark.parametrize(
    "flood", ["1d", "reset ", "in 1 ", "again ", "retry after ", "|1", "resets Mon ", "resets Dec 1, "]
)
def test_a_flood_costs_no_time(flood: str) -> None:
    with patience():
        named_time(flood * 400, NOW, zone_of)
