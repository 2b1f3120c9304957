"""Lengths of time as people write them (`1h30m`, `PT1H30M`), and estimates of one or three points."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from plait.plans.wording import kind_of, quoted

LONGEST = 3660 * 86_400.0
"""Ten years in seconds: more is a slip of the pen, and sums of it would lose precision."""

_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1), ("ms", 0.001))
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_PLAIN = re.compile(r"\s*".join(rf"(?:{_NUMBER}\s*{unit}(?![a-z]))?" for unit, _ in _UNITS), re.IGNORECASE)
_ISO = re.compile(rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.IGNORECASE)
_EXAMPLES = "write it as 2h, 90m, 1h30m, 45s, 2d or PT1H30M"


def parse_duration(text: str) -> float:
    """Seconds, to the millisecond; a day has 24 hours.

    Raises:
        ValueError: with what is wrong; a number without a unit is.
    """
    text = text.strip()
    if not text:
        raise ValueError(f"is empty: {_EXAMPLES}")
    if re.fullmatch(r"[+-]?[0-9.]+", text):
        raise ValueError(f"{quoted(text)} has no unit: {_EXAMPLES}")
    match = _PLAIN.fullmatch(text[:100]) or _ISO.fullmatch(text[:100])
    if match is None or len(text) > 100 or not any(match.groups()):
        raise ValueError(f"{quoted(text)} is not a duration: {_EXAMPLES}")
    seconds = sum(float(number) * size for number, (_, size) in zip(match.groups(), _UNITS, strict=False) if number)
    if seconds > LONGEST:
        raise ValueError(f"{quoted(text)} is longer than ten years")
    return round(seconds, 3)


def format_duration(seconds: float) -> str:
    """`1h30m`, `45s`, `2d`: to the millisecond, so that `parse_duration` gives the same back."""
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds} is not a length of time")
    thousandths = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and thousandths else ""
    minutes, rest = divmod(thousandths, 60_000)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    if rest or not parts:
        parts.append(f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s")
    return sign + "".join(parts)


def _seconds(value: Any) -> float:
    """What a field of seconds is given: text with a unit, or seconds from Python."""
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a length of time, not {kind_of(value)}: {_EXAMPLES}")  # noqa: TRY004  pydantic takes no TypeError
    if not 0 <= value <= LONGEST:
        raise ValueError(f"must be from 0 seconds to ten years, not {value}")
    return float(value)


def _some_seconds(value: Any) -> float:
    seconds = _seconds(value)
    if seconds == 0:
        raise ValueError("must be longer than nothing")
    return seconds


_as_text = PlainSerializer(format_duration, return_type=str, when_used="json")
_schema = WithJsonSchema({"type": "string", "examples": ["2h", "90m", "1h30m", "45s", "PT1H30M"]})

Seconds = Annotated[float, BeforeValidator(_seconds), _as_text, _schema]
"""A field of seconds, 0 or more: written as a duration, given by Python as a number."""

SomeSeconds = Annotated[float, BeforeValidator(_some_seconds), _as_text, _schema]
"""A field of seconds, more than 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a task takes, in seconds. Planning uses `likely`; simulation draws from all three."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    optimistic: Seconds
    """If all goes well."""
    likely: Seconds
    """What it takes most often."""
    pessimistic: Seconds
    """If much goes wrong."""

    def __post_init__(self) -> None:
        if not self.optimistic <= self.likely <= self.pessimistic:
            points = (format_duration(point) for point in (self.optimistic, self.likely, self.pessimistic))
            raise ValueError("optimistic, likely and pessimistic must not fall: {}, {}, {}".format(*points))


def read_estimate(value: Any) -> Any:
    """One duration for all three points; anything else as it is, for pydantic to judge."""
    if isinstance(value, str | int | float):
        seconds = _seconds(value)
        return Estimate(seconds, seconds, seconds)
    return value
