"""The life of a signing key: next → active → retired → forgotten.

`next` is published before it signs, so that verifiers know it by then. `retired` stays published until no token that
it signed can be alive.
"""

from datetime import datetime, timedelta
from typing import Literal

State = Literal["next", "active", "retired"]

ACTIVE_FOR = timedelta(days=30)
OVERLAP = timedelta(hours=1)
KNOWN_AFTER = timedelta(minutes=1)
"""A verifier asks for keys that it does not know, but twice a minute at most."""


def is_due(activated_at: datetime, now: datetime, active_for: timedelta = ACTIVE_FOR) -> bool:
    """Whether the active key has signed long enough."""
    return now >= activated_at + active_for
