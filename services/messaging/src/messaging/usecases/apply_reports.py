"""Take in what providers report: every report is kept, and moves its message only forward.

The one way for all of it: the answer to a sending, an answer to asking, and a webhook.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from common import clock
from common.context import Origin, use_origin
from common.contracts.event import Event
from common.contracts.messaging import MessageDelivered, MessageFailed, MessageSent
from common.persistence.transaction import Transaction
from messaging.domain.delivery import HIGHEST_RANK_BEFORE, OUTCOME_UNKNOWN, Report, Reported, with_implied
from messaging.usecases.charge_quota import give_back

KEEP = """
INSERT INTO message_report (message_id, status, at, code, detail, heard_at)
SELECT heard.message_id, heard.status, heard.at, heard.code, heard.detail, $6::timestamptz
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
     AS heard (message_id, status, at, code, detail)
JOIN message ON message.id = heard.message_id
ON CONFLICT (message_id, status) DO NOTHING
"""

# After waiting for a concurrent report of the same message, the rank is compared again with what that one left.
ADVANCE = """
UPDATE message SET
    status = $1,
    provider_id = coalesce(message.provider_id, fresh.provider_id),
    sent_at = CASE $1 WHEN 'sent' THEN fresh.at ELSE sent_at END,
    delivered_at = CASE $1 WHEN 'delivered' THEN fresh.at ELSE delivered_at END,
    read_at = CASE $1 WHEN 'read' THEN fresh.at ELSE read_at END,
    due_at = fresh.at,
    error_code = fresh.code,
    error_message = fresh.detail
FROM unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
     AS fresh (id, at, provider_id, code, detail)
WHERE message.id = fresh.id AND message.rank <= $2
RETURNING message.id, user_id, channel, message.provider_id, error_code, error_message, sent_at,
          charged_to, charged_on, queued_event, correlation_id, traceparent, tracestate
"""


async def apply_reports(tx: Transaction, reports: Sequence[Report]) -> None:
    """Reports may come twice, late, in any order, or about messages that we do not know."""
    if not reports:
        return
    kept = [(r.message_id, r.status, r.at, r.code, r.detail) for r in reports]
    await tx.sql.execute(KEEP, *_columns(kept), clock.now())
    complete = [step for report in reports for step in with_implied(report)]
    for status in HIGHEST_RANK_BEFORE:
        steps = {step.message_id: step for step in complete if step.status == status}
        if steps:
            await _advance(tx, status, steps.values())


async def _advance(tx: Transaction, status: Reported, steps: Iterable[Report]) -> None:
    rows = [(s.message_id, s.at, s.provider_id, _code(s), s.detail) for s in steps]
    moved = await tx.sql.fetch(ADVANCE, status, HIGHEST_RANK_BEFORE[status], *_columns(rows))
    for row in moved:
        _publish(tx, status, row)
    if status == "failed":
        await give_back(tx, [(row["charged_to"], row["charged_on"]) for row in moved if _never_sent(row)])


def _code(step: Report) -> str | None:
    return (step.code or "failed") if step.status == "failed" else None


def _never_sent(row: Mapping[str, Any]) -> bool:
    return row["sent_at"] is None and row["error_code"] != OUTCOME_UNKNOWN


def _publish(tx: Transaction, status: Reported, row: Mapping[str, Any]) -> None:
    fact = FACTS.get(status)
    if fact is None:
        return
    origin = Origin(row["correlation_id"], str(row["queued_event"]), row["traceparent"], row["tracestate"])
    with use_origin(origin):
        tx.publish(fact(row))


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


FACTS: Mapping[Reported, Callable[[Mapping[str, Any]], Event]] = {
    "sent": _sent,
    "delivered": _delivered,
    "failed": _failed,
}


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
