"""Apply providers' reports: each is stored, and moves its message only forward.

Every report takes this path: the outcome of a call, the answer to a poll, and a webhook.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common import clock
from common.context import Origin, use_origin
from common.contracts.event import Event
from common.contracts.messaging import MessageDelivered, MessageFailed, MessageSent
from common.persistence.transaction import Transaction
from messaging.messages import store
from messaging.messages.domain import (
    MAX_RANK_BEFORE,
    OUTCOME_UNKNOWN,
    OutboundMessage,
    Outcome,
    Report,
    ReportedStatus,
    pause_after,
    report_of,
    with_implied,
)
from messaging.quotas.usecases import refund_quota


async def record_outcomes(tx: Transaction, outcomes: Sequence[tuple[OutboundMessage, Outcome]]) -> None:
    """Apply known outcomes as reports; schedule the next attempt, under the same key, of messages without one."""
    now = clock.now()
    reports: list[Report] = []
    retries: list[tuple[UUID, int, datetime]] = []
    for message, outcome in outcomes:
        if (report := report_of(message, outcome, now)) is not None:
            reports.append(report)
        elif (pause := pause_after(message.attempt)) is not None:
            retries.append((message.id, message.attempt, now + pause))
    await apply_reports(tx, reports)
    if retries:
        await store.postpone(tx, retries)


async def apply_reports(tx: Transaction, reports: Sequence[Report]) -> None:
    """Reports may arrive twice, late, in any order, or about unknown messages."""
    if not reports:
        return
    await store.insert_reports(tx, reports, clock.now())
    complete = [step for report in reports for step in with_implied(report)]
    for status in MAX_RANK_BEFORE:
        steps = {step.message_id: step for step in complete if step.status == status}
        if steps:
            await _advance(tx, status, steps.values())


async def _advance(tx: Transaction, status: ReportedStatus, reports: Iterable[Report]) -> None:
    changed = await store.advance(tx, status, reports)
    for row in changed:
        _publish(tx, status, row)
    if status == "failed":
        await refund_quota(tx, [(row["charged_to"], row["charged_on"]) for row in changed if _was_never_sent(row)])


def _was_never_sent(row: Mapping[str, Any]) -> bool:
    return row["sent_at"] is None and row["error_code"] != OUTCOME_UNKNOWN


def _publish(tx: Transaction, status: ReportedStatus, row: Mapping[str, Any]) -> None:
    make_event = EVENTS.get(status)
    if make_event is None:
        return
    origin = Origin(row["correlation_id"], str(row["queued_event"]), row["traceparent"], row["tracestate"])
    with use_origin(origin):
        tx.publish(make_event(row))


def _sent(row: Mapping[str, Any]) -> MessageSent:
    return MessageSent(
        message_id=row["id"], user_id=row["user_id"], channel=row["channel"], provider_id=row["provider_id"]
    )


def _delivered(row: Mapping[str, Any]) -> MessageDelivered:
    return MessageDelivered(message_id=row["id"], user_id=row["user_id"], channel=row["channel"])


def _failed(row: Mapping[str, Any]) -> MessageFailed:
    return MessageFailed(
        message_id=row["id"],
        user_id=row["user_id"],
        channel=row["channel"],
        code=row["error_code"],
        message=row["error_message"] or "",
    )


EVENTS: Mapping[ReportedStatus, Callable[[Mapping[str, Any]], Event]] = {
    "sent": _sent,
    "delivered": _delivered,
    "failed": _failed,
}
