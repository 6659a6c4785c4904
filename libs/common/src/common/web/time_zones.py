"""Time zones by their IANA names. The gateway uses it as well, which loads no database library."""

from zoneinfo import ZoneInfo, available_timezones

from common.errors import UnknownTimeZone

ZONES = {name.casefold(): name for name in available_timezones()}
"""IANA names, which have no case (RFC 6557)."""


def find_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name. Raises UnknownTimeZone."""
    known = ZONES.get(name.strip().casefold())
    if known is None:
        raise UnknownTimeZone
    return ZoneInfo(known)
