"""The day that a message is charged to: a calendar day in the sender's time zone."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

PLATFORM_ACCOUNT = UUID(int=0)
"""The account that the platform's own messages are charged to."""


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of `moment` in an IANA time zone; in UTC if the zone is unknown."""
    return moment.astimezone(_zone(zone)).date()


def until_next_day(moment: datetime, zone: str) -> timedelta:
    """The time until that day ends; correct on days when clocks change."""
    tomorrow = day_of(moment, zone) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), _zone(zone)).astimezone(UTC) - moment


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC
