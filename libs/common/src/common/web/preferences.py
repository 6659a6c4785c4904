"""The `Prefer: wait=N` header (RFC 7240): how long the client waits for a final response."""

import re
from typing import Annotated

from fastapi import Depends, Header

MAX_WAIT_SECONDS = 10

# Names are case-insensitive, values may be quoted, and other preferences and parameters may stand around them.
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)


def wait_seconds(prefer: str | None) -> int:
    """The seconds in a `Prefer` header, at most MAX_WAIT_SECONDS; 0 without a valid `wait`.

    RFC 7240 has servers ignore a preference that they do not understand; it is never an error.
    """
    found = WAIT.search(prefer or "")
    return min(MAX_WAIT_SECONDS, int(found[1])) if found else 0


async def _wait(
    prefer: Annotated[
        str | None, Header(description="`wait=N`: wait up to N ≤ 10 s for a final response", examples=["wait=5"])
    ] = None,
) -> int:
    return wait_seconds(prefer)


Wait = Annotated[int, Depends(_wait)]
"""Seconds, 0 to 10, that the client waits for a final response."""
