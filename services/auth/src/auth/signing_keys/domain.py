"""The life of a signing key: next → active → retired → deleted.

`next` is published before it signs, so that verifiers know it by then. `retired` stays published until every token that
it signed has expired.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

KeyState = Literal["next", "active", "retired"]

ACTIVE_PERIOD = timedelta(days=30)
RETIRED_PERIOD = timedelta(hours=1)
MIN_PUBLISHED = timedelta(minutes=1)
"""A verifier fetches the key set when it meets an unknown key, but twice a minute at most."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    kid: str
    public: bytes
    private: bytes


@dataclass(frozen=True, slots=True)
class AccessToken:
    text: str
    issued_at: datetime
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        """Seconds."""
        return int((self.expires_at - self.issued_at).total_seconds())


def is_rotation_due(activated_at: datetime, now: datetime) -> bool:
    return now >= activated_at + ACTIVE_PERIOD
