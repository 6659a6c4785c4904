"""The format of API keys, and how the requests of a day are leased to the gateway."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

FORMAT = re.compile(r"dk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
MAX_KEYS_IN_USE = 50
"""Per account."""

LEASES_PER_DAY = 4000


@dataclass(frozen=True, slots=True)
class GeneratedApiKey:
    """`text` is returned once: `dk_<public_id>_<256 random bits>`."""

    public_id: str
    text: str

    @classmethod
    def generate(cls, public_id: str | None = None) -> Self:
        """With `public_id`, a new secret for an existing key."""
        public_id = public_id or secrets.token_hex(8)
        return cls(public_id, f"dk_{public_id}_{secrets.token_urlsafe(32)}")


@dataclass(frozen=True, slots=True)
class ApiKeyFields:
    """`ip_allow` lists networks; empty allows every address. Without `daily_limit`, requests are not counted."""

    name: str
    scopes: Sequence[str]
    ip_allow: Sequence[str]
    daily_limit: int | None
    expires_at: datetime | None


def public_id_of(text: str) -> str | None:
    """The part that names the key; None if the text does not have the format of a key."""
    found = FORMAT.fullmatch(text)
    return found[1] if found else None


def lease(daily_limit: int, spent: int) -> int:
    """How many requests the gateway may let through before it asks again; 0 if the limit is reached.

    Small, because the rest of a lease is lost when its access token expires: a limit of up to 4000 a day is counted to
    the request; above it, less than a tenth can go unused per process of the gateway. The limit is never exceeded.
    """
    return min(max(1, daily_limit // LEASES_PER_DAY), max(0, daily_limit - spent))


def next_day(now: datetime) -> datetime:
    """Midnight UTC, when the counts start again."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
