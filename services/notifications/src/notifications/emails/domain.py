"""An e-mail before it is queued, while it is sent, and the outcomes of an attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from common.contracts.event import Event

RETRY_SECONDS = (10, 60, 300, 900, 3600, 3 * 3600, 8 * 3600)
"""Pauses before the second, third, … attempt."""

MAX_ATTEMPTS = len(RETRY_SECONDS) + 1


@dataclass(frozen=True, slots=True)
class NewEmail:
    """An e-mail to `user_id` because of the received event `cause`: at most one per event.

    It is rendered from `template` and `data`. In `data`, `sealed` is encrypted until it is rendered, `to` replaces the
    contact's address, and after `expires_at` the e-mail is not sent any more.
    """

    cause: Event
    user_id: UUID
    template: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail claimed for sending; `attempt` counts from 1."""

    id: UUID
    user_id: UUID
    recipient: str
    first_name: str
    language: str
    template: str
    data: Mapping[str, Any]
    attempt: int
    created_at: datetime

    def has_expired(self, now: datetime) -> bool:
        """Whether its content, such as a code, is no longer valid."""
        expires_at = self.data.get("expires_at")
        return expires_at is not None and datetime.fromisoformat(expires_at) <= now


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An e-mail as bytes: `content` is its headers and parts. `id` and `created_at` are those of the Email."""

    id: UUID
    created_at: datetime
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail server accepted it."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not accepted, or the result is unknown: another attempt may succeed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not accepted, and no attempt can succeed."""

    reason: str


Outcome = Sent | Deferred | Rejected


def pause_after(attempt: int) -> timedelta | None:
    """The pause after a deferred attempt; None after the last attempt."""
    return timedelta(seconds=RETRY_SECONDS[attempt - 1]) if attempt < MAX_ATTEMPTS else None
