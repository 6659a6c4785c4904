"""The day that a message counts for: the sender's own."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of `moment` in an IANA time zone; in UTC when the zone is unknown here."""
    return moment.astimezone(_zone(zone)).date()


def until_next_day(moment: datetime, zone: str) -> timedelta:
    """How long until that day ends, also where clocks change."""
    tomorrow = day_of(moment, zone) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), _zone(zone)).astimezone(UTC) - moment


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC
