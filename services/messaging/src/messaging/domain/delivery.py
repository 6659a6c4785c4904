"""How far a message came. A status only moves forward, however late and in whatever order reports arrive.

queued < sending < sent < delivered < read
failed only from queued, sending or sent; nothing follows it
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Reported = Literal["sent", "delivered", "read", "failed"]

HIGHEST_RANK_BEFORE: dict[Reported, int] = {"sent": 1, "delivered": 2, "read": 3, "failed": 2}
"""The rank (0 is queued) up to which a message takes each report, in the order in which reports are applied."""

OUTCOME_UNKNOWN = "outcome_unknown"
"""Error code of a message that may have been sent, although nobody could ever say so."""

PAUSES = (2, 10, 60, 300, 1800, 7200)
"""Seconds before the second, third, … attempt with the same idempotency key."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says of a message, at once or later. `code` and `detail` explain a failure."""

    message_id: UUID
    status: Reported
    at: datetime
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None


def pause_after(attempt: int) -> timedelta | None:
    """How long to wait after an attempt without an outcome; None when it was the last."""
    return timedelta(seconds=PAUSES[attempt - 1]) if attempt <= len(PAUSES) else None


def with_implied(report: Report) -> list[Report]:
    """The report after those it implies: what was delivered had been sent, though nobody has said so yet."""
    implied: dict[Reported, tuple[Reported, ...]] = {"delivered": ("sent",), "read": ("sent", "delivered")}
    return [*(replace(report, status=status) for status in implied.get(report.status, ())), report]
