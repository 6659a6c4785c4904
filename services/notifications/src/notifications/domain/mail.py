"""A mail on its way, what may become of an attempt, and when the next one is due."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

PAUSES = (10, 60, 300, 900, 3600, 3 * 3600, 8 * 3600)
"""Seconds before the second, third, … attempt; a mail whose attempts are spent has failed."""

MOST_ATTEMPTS = len(PAUSES) + 1


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail claimed for its `attempt`-th sending (from 1); `data` is what its template reads."""

    id: UUID
    user_id: UUID
    recipient: str
    first_name: str
    language: str
    template: str
    data: Mapping[str, Any]
    attempt: int
    created_at: datetime

    def is_too_late(self, now: datetime) -> bool:
        """Whether what it brings, such as a code, is no longer good for anything."""
        expires_at = self.data.get("expires_at")
        return expires_at is not None and datetime.fromisoformat(expires_at) <= now


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail server took it."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not taken, or not known: worth another attempt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not taken, and never will be."""

    reason: str


Outcome = Sent | Deferred | Refused


def pause_after(attempt: int) -> timedelta | None:
    """How long to wait after a deferred attempt; None when it was the last."""
    return timedelta(seconds=PAUSES[attempt - 1]) if attempt < MOST_ATTEMPTS else None
