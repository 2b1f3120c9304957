"""Times as the store keeps them: whole milliseconds since 1970 UTC."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_milliseconds(moment: datetime) -> int:
    """Rounded down; ValueError for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: the store takes aware times only")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(count: int) -> datetime:
    """Aware, in UTC."""
    return EPOCH + timedelta(milliseconds=count)
