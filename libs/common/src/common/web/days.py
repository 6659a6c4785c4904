"""Periods in queries: `from` and `to` as days or times, and the time zone that days count in.

    async def get_orders(caller: Caller, period: Period) -> ...:
        ...  # created_at >= period.since AND created_at < period.until

A day counts in the zone of the `timezone` header, without the header in the user's own zone, which the access token
names, otherwise in UTC. The gateway and every service reject an unknown zone in the header, whatever the operation.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Header, Query, Request
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import Invalid, UnknownTimeZone
from common.security.tokens import Identity
from common.web.dependencies import MaybeAuthenticated
from common.web.error_responses import error_response
from common.web.time_zones import find_zone

HEADER = b"timezone"

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A plus sign that is not percent-encoded arrives as a space.
INSTANT = re.compile(
    rf"({DAY.pattern})[Tt ]([0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?)([Zz]|[+ -][0-9]{{2}}:[0-9]{{2}})"
)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins in the zone, in UTC. Raises OverflowError next to the ends of the calendar.

    Where clocks skip midnight, the day begins when they do; where midnight comes twice, it begins with the first one.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`since` is inclusive, `until` is exclusive; None is without a bound."""

    since: datetime | None = None
    until: datetime | None = None


ALWAYS = TimeRange()


def _moment(value: object) -> date:
    """A day as a date, a time as a datetime in UTC."""
    text = str(value).strip()
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
        if found := INSTANT.fullmatch(text):
            day, clock_time, offset = found.groups()
            offset = "+00:00" if offset in "Zz" else offset.replace(" ", "+")
            return datetime.fromisoformat(f"{day}T{clock_time}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "invalid_date", "This is neither a date, such as 2026-01-31, nor an RFC 3339 time, such as 2026-01-31T08:00:00Z"
    )


Moment = Annotated[
    date,
    PlainValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A date or an RFC 3339 time."""

_authenticate = MaybeAuthenticated()


async def _zone_of(request: Request) -> ZoneInfo:
    """The zone that days of this request count in."""
    if (name := request.headers.get("timezone")) is not None:
        return find_zone(name)
    identity: Identity | None = getattr(request.state, "identity", None) or await _authenticate(request)
    try:
        return find_zone(identity.time_zone if identity else "UTC")
    except UnknownTimeZone:
        # The token comes from auth; this process may know an older list of zones.
        return ZoneInfo("UTC")


async def _period(
    request: Request,
    since: Annotated[
        Moment | None,
        Query(alias="from", description="not before this day or time", examples=["2026-01-01"]),
    ] = None,
    until: Annotated[
        Moment | None,
        Query(alias="to", description="up to the end of this day, or before this time", examples=["2026-01-31"]),
    ] = None,
    _: Annotated[
        str | None,
        Header(
            alias="timezone",
            description="IANA name of the zone that days count in; by default the user's own, then UTC",
            examples=["Africa/Dar_es_Salaam"],
        ),
    ] = None,
) -> TimeRange:
    if since is None and until is None:
        return TimeRange()
    zone = await _zone_of(request)
    found = TimeRange(_bound(since, zone, "from"), _bound(until, zone, "to"))
    if _is_reversed(since, until) or (found.since and found.until and found.since > found.until):
        raise Invalid("`from` is after `to`", field="from")
    return found


def _is_reversed(since: date | None, until: date | None) -> bool:
    """Whether these are two days in the wrong order: the day after `to` begins where `to` ends."""
    days = [day for day in (since, until) if day is not None and not isinstance(day, datetime)]
    return len(days) == 2 and days[0] > days[1]


def _bound(moment: date | None, zone: ZoneInfo, field: str) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    try:
        return start_of_day(moment + timedelta(days=1) if field == "to" else moment, zone)
    except OverflowError as error:
        raise Invalid("This is too far from today", field=field) from error


Period = Annotated[TimeRange, Depends(_period)]


class KnownTimeZone:
    """ASGI middleware: 400 for a `timezone` header that names no zone, on every operation."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == HEADER:
                    try:
                        find_zone(value.decode("latin-1"))
                    except UnknownTimeZone as error:
                        await error_response(error)(scope, receive, send)
                        return
        await self.app(scope, receive, send)
