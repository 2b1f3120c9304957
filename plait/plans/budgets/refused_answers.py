"""What an answer says of its account: read from status, headers and error, and not from prose alone."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any, Final

from plait.plans.accounts.named_times import LATEST, named_time
from plait.plans.accounts.refusals import WORDS, Kind, Refusal
from plait.plans.budgets.usage_fields import mapping, parsed, text
from plait.plans.wording import one_line

OVERLOADED: Final = frozenset({429, 503, 529})
"""What pauses an account: 500, 502 and 504 may be of one request alone, and programs ask again by themselves."""
_QUOTA_CODES: Final = frozenset(
    {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "quota_exceeded", "usage_limit_reached"}
    | {"usage_not_included", "credits_required"}
)
_OVERLOAD_CODES: Final = frozenset(
    {"overloaded_error", "rate_limit_error", "rate_limit_exceeded", "server_is_overloaded", "slow_down", "unavailable"}
    | {"too_many_requests", "service_unavailable", "resource_exhausted"}
)
_SHOWN = 200
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def refusal_of_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    zone_of: Callable[[str], tzinfo | None] = lambda _name: None,
) -> Refusal | None:
    """What an answer says of the account; nothing where it says nothing of it.

    Args:
        status: Of HTTP.
        headers: By their names in small letters.
        body: Its beginning, as much as an error has.
        now: With the zone of this machine.
        zone_of: Zones by name, for times that an error names in words.
    """
    kind = _kind_of_status(status)
    if kind is None:
        return None
    record = parsed(body)
    return _refusal(
        status, kind, mapping(record[0] if isinstance(record, list) and record else record), headers, now, zone_of
    )


def refusal_of_error(
    error: Mapping[str, Any], now: datetime, zone_of: Callable[[str], tzinfo | None] = lambda _name: None
) -> Refusal | None:
    """As `refusal_of_answer`, of an error that came within a stream which had begun well."""
    status = error.get("code") if isinstance(error.get("code"), int) else None
    words = {text(error.get(key)).lower() for key in ("type", "code", "status")}
    if words & _QUOTA_CODES:
        kind: Kind = "quota"
    elif words & _OVERLOAD_CODES or status in OVERLOADED:
        kind = "overload"
    else:
        return None
    return _refusal(status or 0, kind, {"error": error}, {}, now, zone_of)


def _kind_of_status(status: int) -> Kind | None:
    if status == 402:
        return "quota"
    if status == 401:
        return "login"
    return "overload" if status in OVERLOADED else None


def _refusal(
    status: int,
    kind: Kind,
    record: Mapping[str, Any],
    headers: Mapping[str, str],
    now: datetime,
    zone_of: Callable[[str], tzinfo | None],
) -> Refusal:
    error = mapping(record.get("error")) or record
    message = text(error.get("message")) or text(record.get("message")) or text(record.get("error"))
    codes = {text(error.get(key)).lower() for key in ("type", "code")}
    if kind == "overload" and (codes & _QUOTA_CODES or _is_of_quota(error, message)):
        kind = "quota"
    until = _named_end(headers, error, now)
    if until is None:
        moment = named_time(message[:2_000], now, zone_of) if message else None
        until = moment
    words = f"{status} {message or 'without a word'}" if status else message or "an error in the answer"
    return Refusal(kind, one_line(words, _SHOWN), until)


def _is_of_quota(error: Mapping[str, Any], message: str) -> bool:
    """Google calls a limit of a minute and one of a day alike; the limit's own name tells them apart."""
    if text(error.get("status")) == "RESOURCE_EXHAUSTED":
        return "PerDay" in str(error.get("details"))[:5_000]
    return WORDS["quota"].search(message[:2_000]) is not None


def _named_end(headers: Mapping[str, str], error: Mapping[str, Any], now: datetime) -> float | None:
    """When it works again, by what the answer says for programs: seconds since the epoch."""
    start = now.timestamp()
    after = (
        _seconds(headers.get("retry-after-ms"), 0.001),
        _seconds(headers.get("retry-after")),
        _seconds(error.get("resets_in_seconds")),
        _google_delay(error),
    )
    moments = (
        _http_date(headers.get("retry-after")),
        _seconds(headers.get("anthropic-ratelimit-unified-reset")),
        _seconds(error.get("resets_at")),
    )
    known = [start + seconds for seconds in after if seconds is not None]
    known += [moment for moment in moments if moment is not None and start < moment <= start + LATEST]
    return known[0] if known else None


def _seconds(value: Any, unit: float = 1.0) -> float | None:
    try:
        seconds = float(value) * unit
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < 10**11 else None


def _http_date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _google_delay(error: Mapping[str, Any]) -> float | None:
    details = error.get("details")
    for detail in details[:20] if isinstance(details, list) else []:
        delay = _DELAY.fullmatch(text(mapping(detail).get("retryDelay"))[:40])
        if delay:
            return float(delay[1])
    return None
