"""This machine's zone, and those that it knows by name: for times that programs print."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo


class LocalZone(tzinfo):
    """The zone of this machine, with its summer time: what `astimezone` gives keeps the offset of today."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return (moment or datetime.now()).replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return (moment or datetime.now()).replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)


def zone_of(name: str) -> tzinfo | None:
    """The zone of a name such as Europe/Berlin; nothing where it is not known here."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # no such zone, no name of one, no zones on this machine
        return None
