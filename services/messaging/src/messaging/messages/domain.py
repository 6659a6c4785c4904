"""A message before it is queued, while it is sent, and how its status moves.

    queued < sending < sent < delivered < read
    failed only from queued, sending or sent; nothing follows it

A status only moves forward, however late and in whatever order reports arrive.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

Channel = Literal["whatsapp", "sms"]
ReportedStatus = Literal["sent", "delivered", "read", "failed"]

ORDER_CHANNEL: Channel = "whatsapp"

MAX_RANK_BEFORE: dict[ReportedStatus, int] = {"sent": 1, "delivered": 2, "read": 3, "failed": 2}
"""The rank (0 is queued) up to which a message takes each report, in the order in which reports are applied."""

OUTCOME_UNKNOWN = "outcome_unknown"
"""Error code of a message that may have been sent, although the provider never confirmed it."""

RETRY_SECONDS = (2, 10, 60, 300, 1800, 7200)
"""Pauses before the second, third, … attempt with the same idempotency key."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to queue for the user who sends or receives it.

    `charged_to` and `charged_on` name the quota that it counts for. At most one message is queued per `cause` (the id
    of the event that requested it) and per `client_ref` (the sender's own reference).
    """

    user_id: UUID
    channel: Channel
    recipient: str
    text: str
    charged_to: UUID
    charged_on: date
    cause: UUID | None = None
    client_ref: str | None = None


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message claimed for sending; `attempt` counts from 1. `id` is the idempotency key."""

    id: UUID
    channel: Channel
    recipient: str
    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class UnreportedMessage:
    """A message that the provider accepted and whose delivery it has not reported yet."""

    id: UUID
    provider_id: str | None
    recipient: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message, under an id of its own."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never send the message; `code` is for programs, `detail` for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider may or may not have the message."""


Outcome = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Report:
    """A provider's report about a message. `code` and `detail` explain a failure."""

    message_id: UUID
    status: ReportedStatus
    at: datetime
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None


def report_of(message: OutboundMessage, outcome: Outcome, now: datetime) -> Report | None:
    """The outcome of an attempt as a report; None if it is unknown and the message is to be tried again."""
    match outcome:
        case Accepted(provider_id):
            return Report(message.id, "sent", now, provider_id=provider_id)
        case Rejected(code, detail):
            return Report(message.id, "failed", now, code=code, detail=detail)
        case Unknown() if pause_after(message.attempt) is None:
            return Report(message.id, "failed", now, code=OUTCOME_UNKNOWN, detail="The provider never answered")
    return None


def pause_after(attempt: int) -> timedelta | None:
    """The pause after an attempt without an outcome; None after the last attempt."""
    return timedelta(seconds=RETRY_SECONDS[attempt - 1]) if attempt <= len(RETRY_SECONDS) else None


def with_implied(report: Report) -> list[Report]:
    """The report, after the reports that it implies: a delivered message was sent, even if no report said so."""
    implied: dict[ReportedStatus, tuple[ReportedStatus, ...]] = {"delivered": ("sent",), "read": ("sent", "delivered")}
    return [*(replace(report, status=status) for status in implied.get(report.status, ())), report]


def order_confirmation(number: str, items: int) -> str:
    """The text that confirms an order."""
    counted = "1 item" if items == 1 else f"{items} items"
    return f"Thank you! Your order {number} ({counted}) is confirmed. We tell you when it is on its way."
