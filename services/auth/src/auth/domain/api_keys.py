"""What an API key looks like, and how far a day's requests are spread."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

FORM = re.compile(r"dk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
PASS_LASTS = timedelta(minutes=5)
MOST_KEYS = 50
"""That one account may have in use."""

LEASES_A_DAY = 4000


@dataclass(frozen=True, slots=True)
class NewKey:
    """`text` is shown once: `dk_<public_id>_<256 random bits>`."""

    public_id: str
    text: str

    @classmethod
    def generate(cls, public_id: str | None = None) -> Self:
        """A key; of the same `public_id` when it takes the place of another."""
        name = public_id or secrets.token_hex(8)
        return cls(name, f"dk_{name}_{secrets.token_urlsafe(32)}")


def public_id_of(text: str) -> str | None:
    """The part that names the key; None for what is none."""
    found = FORM.fullmatch(text)
    return found[1] if found else None


def lease(daily_limit: int, spent: int) -> int:
    """How many requests the gateway may let through before it asks again; 0 when the day's are spent.

    Small, because what is left of a lease when its pass expires is lost: a limit of up to 4000 a day is counted to the
    request, above it less than a tenth can go unused per process of the gateway. It is never exceeded.
    """
    return min(max(1, daily_limit // LEASES_A_DAY), max(0, daily_limit - spent))


def next_day(now: datetime) -> datetime:
    """When days of requests begin anew: at midnight UTC."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
