"""When a program says that its account works again: an epoch, a moment, a clock time and its zone, a length of time."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Final

LATEST: Final = 35 * 86_400.0
"""Seconds: quotas are of hours, weeks and months. What is said to end later was not meant, or no provider said it."""
_JUST_NOW: Final = 3_600.0
"""Seconds. A clock time that has passed within the hour is over, and not tomorrow's."""

_SOON = r"(?:reset\w*|again|retry\w*|until|after|available|renews?|back)"
_EPOCH = re.compile(
    rf"(?:\||{_SOON}[\w \"'-]{{0,20}}[:=]?\s{{0,3}}|at\s)[\"']?(1\d{{9}}|2\d{{9}}|[12]\d{{12}})(?!\d)", re.IGNORECASE
)
_MOMENT = re.compile(
    rf"{_SOON}[\w \"'-]{{0,20}}[:=]?\s{{0,3}}[\"']?"
    r"(20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?)\s?(Z|UTC|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_HTTP_DATE = re.compile(r"\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)")
_HEADER = re.compile(
    r"retry[- _]?after[\"']?\s{0,3}[:=]\s{0,3}[\"']?(\d{1,7}(?:\.\d{1,6})?)(?![\d:-])\s?(ms|m|h)?", re.IGNORECASE
)
_KEY = re.compile(
    r"(?:resets?|retry)[_-](?:in|after)[_-](seconds|secs?|s|ms|milliseconds|minutes)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
    r"(\d{1,9}(?:\.\d{1,6})?)",
    re.IGNORECASE,
)
"""codex's `resets_in_seconds`, OpenAI's header `retry-after-ms`."""
_UNIT = r"(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|ms|d|h|m|s)(?![a-z])"
_LENGTH = re.compile(
    rf"(?:{_SOON}(?:-\w{{1,20}}){{0,2}}|\bin|delay\w*|\bwait(?:ing)?|cool-?down)[\"']?[\s:=]{{0,3}}(?:in\s|after\s|for\s)?"
    r"(?:about\s|approximately\s|approx\.?\s|roughly\s|around\s|~\s?)?[\"']?"
    rf"((?:\d{{1,7}}(?:\.\d{{1,9}})?\s?{_UNIT}(?:,|\sand)?\s{{0,2}}){{1,4}})",
    re.IGNORECASE,
)
_TIMER = re.compile(rf"(?:{_SOON}|\bin)\s(?:in\s|after\s)?(\d{{1,3}}):([0-5]\d):([0-5]\d)\b", re.IGNORECASE)
_PART = re.compile(r"(\d{1,7}(?:\.\d{1,9})?)\s?(ms|[dhms])", re.IGNORECASE)
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_CLOCK = re.compile(
    rf"{_SOON}\s(?:daily\s)?(?:at\s|on\s)?(?:today\sat\s|today,?\s)?"
    rf"(?P<tomorrow>tomorrow,?\s(?:at\s)?)?"
    rf"(?:(?P<weekday>{_DAYS})[a-z]{{0,6}},?\s(?:at\s)?)?"
    rf"(?:(?P<month>{_MONTHS})[a-z]{{0,6}}\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?:(?P<year>20\d\d),?\s)?(?:at\s)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::\d\d)?)?\s?(?P<half>[ap]\.?m\b\.?)?"
    r"(?!\d|\s?(?:days?|d|hours?|hrs?|h|min|m|s|sec|%|/|\.\d)\b)"
    r"\s?(?:\(?(?P<zone>[A-Z][A-Za-z_]{1,30}(?:/[A-Za-z_+-]{1,30}){1,2}|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?"
    r"|(?:[PMCE][SD]?T|CES?T|BST|JST|Pacific|Eastern)\b)\)?)?",
    re.IGNORECASE,
)
_DATE = re.compile(
    rf"{_SOON}\s(?:on\s)?(?:(?P<iso>20\d\d-\d\d-\d\d)(?![T\d])|(?P<weekday>{_DAYS})[a-z]{{0,6}}\b"
    rf"|(?P<month>{_MONTHS})[a-z]{{0,6}}\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<year>20\d\d))?)",
    re.IGNORECASE,
)
"""A day without a time: nothing is had before it begins."""
_ZONES = {
    **dict.fromkeys(("pt", "pst", "pdt", "pacific"), "America/Los_Angeles"),
    **dict.fromkeys(("mt", "mst", "mdt"), "America/Denver"),
    **dict.fromkeys(("ct", "cst", "cdt"), "America/Chicago"),
    **dict.fromkeys(("et", "est", "edt", "eastern"), "America/New_York"),
    **dict.fromkeys(("cet", "cest"), "Europe/Berlin"),
    "bst": "Europe/London",
    "jst": "Asia/Tokyo",
}
_OFFSET = re.compile(r"(?:UTC|GMT)([+-]\d{1,2}):?(\d\d)?\Z", re.IGNORECASE)
_IN_WORDS = (
    (re.compile(r"\b(?:12(?::00)?\s)?midnight\b", re.IGNORECASE), "12am"),
    (re.compile(r"\b(?:12(?::00)?\s)?noon\b", re.IGNORECASE), "12pm"),
    (re.compile(r"\b(in|after|wait) an? (?=hour|minute|day|second)", re.IGNORECASE), r"\1 1 "),
)


def named_time(text: str, now: datetime, zone_of: Callable[[str], tzinfo | None]) -> float | None:
    """The moment that a line names, in seconds since the epoch; nothing where it names none that can be believed.

    One that is past, or further away than five weeks, is none: whoever named it knows no better than we do.

    Args:
        now: With the zone in which a clock time without one is meant.
        zone_of: The zone of a name such as `Europe/Berlin`, where there is one.

    Example: at 14:00 in Berlin `resets 3pm (Europe/Berlin)` is in an hour; at 15:10 it is none.
    """
    at = now.timestamp()
    for words, figures in _IN_WORDS:
        text = words.sub(figures, text)
    for moment in _moments(text, now, zone_of):
        if at < moment <= at + LATEST:
            return moment
    return None


def _moments(text: str, now: datetime, zone_of: Callable[[str], tzinfo | None]) -> Iterator[float]:
    for found in _EPOCH.finditer(text):
        yield float(found[1]) / (1000 if len(found[1]) == 13 else 1)
    for found in _MOMENT.finditer(text):
        yield from _iso(found[1], found[2], now)
    if "after" in text.lower():
        yield from (
            parsedate_to_datetime(found[1]).timestamp() for found in _HTTP_DATE.finditer(text) if _is_date(found[1])
        )
    for found in _HEADER.finditer(text):
        yield now.timestamp() + float(found[1]) * _SECONDS[(found[2] or "s").lower()]
    for found in _KEY.finditer(text):
        yield now.timestamp() + float(found[2]) * _SECONDS[_unit(found[1])]
    for found in _TIMER.finditer(text):
        yield now.timestamp() + int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3])
    for found in _LENGTH.finditer(text):
        yield now.timestamp() + sum(float(part[1]) * _SECONDS[part[2].lower()] for part in _PART.finditer(found[1]))
    for found in _CLOCK.finditer(text):
        yield from _clock(found, now, zone_of)
    for found in _DATE.finditer(text):
        yield from _date(found, now)


def _unit(name: str) -> str:
    return "ms" if name.lower() in ("ms", "milliseconds") else name[0].lower()


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True


def _iso(text: str, zone: str | None, now: datetime) -> Iterator[float]:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "T"))
        offset = datetime.strptime(zone, "%z").tzinfo if zone and zone.upper() not in ("Z", "UTC") else UTC
    except ValueError:
        return
    yield moment.replace(tzinfo=offset if zone else now.tzinfo).timestamp()


def _clock(found: re.Match[str], now: datetime, zone_of: Callable[[str], tzinfo | None]) -> Iterator[float]:
    """A time of day, of the day that is named, else of today, else of tomorrow."""
    if not found["half"] and not found["minute"]:
        return  # a bare number is a count of something
    zone = _zone(found["zone"], zone_of) if found["zone"] else None
    here = now.astimezone(zone) if zone else now
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    try:
        clock, day = time(hour, int(found["minute"] or 0)), _day(found, here)
    except ValueError:  # no such hour, no such day
        return
    moment = datetime.combine(day, clock, here.tzinfo)
    is_over = moment.timestamp() + _JUST_NOW < now.timestamp()
    if is_over and not (found["tomorrow"] or found["month"]):
        moment = datetime.combine(day + timedelta(days=7 if found["weekday"] else 1), clock, here.tzinfo)
    yield moment.timestamp()


def _zone(name: str, zone_of: Callable[[str], tzinfo | None]) -> tzinfo | None:
    """The zone that a program means by `UTC+2`, `ET` or `Europe/Berlin`."""
    offset = _OFFSET.match(name)
    if offset is None:
        return zone_of(_ZONES.get(name.lower(), name))
    minutes = int(offset[1]) * 60 + (-1 if offset[1].startswith("-") else 1) * int(offset[2] or 0)
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None


def _date(found: re.Match[str], now: datetime) -> Iterator[float]:
    """The beginning of a day, here."""
    try:
        day = date.fromisoformat(found["iso"]) if found["iso"] else _day(found, now)
    except ValueError:  # no such day
        return
    if found["weekday"] and day == now.date():
        day += timedelta(days=7)
    yield datetime.combine(day, time(), now.tzinfo).timestamp()


def _day(found: re.Match[str], here: datetime) -> date:
    if found["month"]:
        month = _MONTHS.lower().split("|").index(found["month"].lower()) + 1
        year = int(found["year"] or here.year)
        day = date(year, month, int(found["day"]))
        is_past = not found["year"] and (here.date() - day).days > 180
        return day.replace(year=year + 1) if is_past else day
    if found["weekday"]:
        ahead = (_DAYS.lower().split("|").index(found["weekday"].lower()) - here.weekday()) % 7
        return here.date() + timedelta(days=ahead)
    return here.date() + timedelta(days=1 if found["tomorrow"] else 0)
