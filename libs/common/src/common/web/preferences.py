"""What a client may ask for in headers: `Prefer: wait=N` (RFC 7240) and `Timezone: Africa/Nairobi`."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Header

from common.errors import Invalid

LONGEST_WAIT = 10
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,4})\"?\s*(?=$|[,;])", re.IGNORECASE)


async def _wait(
    prefer: Annotated[str | None, Header(description="wait=N: hold the answer up to N ≤ 10 s")] = None,
) -> int:
    # RFC 7240: a preference that is not understood is ignored, never refused.
    found = WAIT.search(prefer or "")
    return min(LONGEST_WAIT, int(found[1])) if found else 0


async def _time_zone(timezone: Annotated[str | None, Header()] = None) -> ZoneInfo | None:
    if timezone is None:
        return None
    if timezone not in available_timezones():
        raise Invalid("This is no IANA time zone", code="unknown_time_zone", field="timezone")
    return ZoneInfo(timezone)


Wait = Annotated[int, Depends(_wait)]
"""Seconds, 0 to 10, that the client would wait for a final answer."""

TimeZone = Annotated[ZoneInfo | None, Depends(_time_zone)]
"""The zone in which the client counts its days; None when it does not say."""
