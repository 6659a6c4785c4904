"""SQL of messages, their reports, and waiting confirmations."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from messaging.errors import MessageNotFound
from messaging.messages.domain import MAX_RANK_BEFORE, OutboundMessage, Report, ReportedStatus, UnreportedMessage
from messaging.messages.tables import MessageReportRow, MessageRow

INSERT_MESSAGES = """
INSERT INTO message (id, user_id, channel, recipient, text, client_ref, cause, charged_to, charged_on,
                     queued_event, correlation_id, traceparent, tracestate, due_at, queued_at)
SELECT *, $14::timestamptz, $14
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
            $9::date[], $10::uuid[], $11::text[], $12::text[], $13::text[])
"""

USED_CAUSES = "SELECT cause FROM message WHERE cause = ANY($1::uuid[])"

# `due_at` of a message that is being sent is the end of its lease. A crashed worker's messages then become due again,
# under the same idempotency key, so that the provider does not send them twice.
CLAIM_DUE = """
WITH due AS (
    SELECT id FROM message WHERE status IN ('queued', 'sending') AND due_at <= $1
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE message SET status = 'sending', attempts = attempts + 1, due_at = $2
FROM due WHERE message.id = due.id
RETURNING message.id, channel, recipient, text, attempts
"""

# The interval grows with the message's age; after three days no report is expected any more.
CLAIM_UNREPORTED = """
WITH due AS (
    SELECT id FROM message WHERE status = 'sent' AND due_at <= $1
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE message SET due_at = CASE WHEN sent_at < $1 - interval '3 days' THEN 'infinity'
                                 ELSE $1 + greatest(interval '5 s', least(interval '1 h', $1 - sent_at)) END
FROM due WHERE message.id = due.id
RETURNING message.id, provider_id, recipient
"""

# The status stays `sending`: the provider may have the message.
POSTPONE = """
UPDATE message SET due_at = retry.due_at
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS retry (id, attempt, due_at)
WHERE message.id = retry.id AND message.status = 'sending' AND message.attempts = retry.attempt
"""

INSERT_REPORTS = """
INSERT INTO message_report (message_id, status, at, code, detail, heard_at)
SELECT report.message_id, report.status, report.at, report.code, report.detail, $6::timestamptz
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
     AS report (message_id, status, at, code, detail)
JOIN message ON message.id = report.message_id
ON CONFLICT (message_id, status) DO NOTHING
"""

# After waiting for a concurrent report of the same message, the rank is compared again with the one that it left.
ADVANCE = """
UPDATE message SET
    status = $1,
    provider_id = coalesce(message.provider_id, report.provider_id),
    sent_at = CASE $1 WHEN 'sent' THEN report.at ELSE sent_at END,
    delivered_at = CASE $1 WHEN 'delivered' THEN report.at ELSE delivered_at END,
    read_at = CASE $1 WHEN 'read' THEN report.at ELSE read_at END,
    due_at = report.at,
    error_code = report.code,
    error_message = report.detail
FROM unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
     AS report (id, at, provider_id, code, detail)
WHERE message.id = report.id AND message.rank <= $2
RETURNING message.id, user_id, channel, message.provider_id, error_code, error_message, sent_at,
          charged_to, charged_on, queued_event, correlation_id, traceparent, tracestate
"""

INSERT_WAITING = """
INSERT INTO waiting_confirmation (cause, user_id, text, correlation_id, traceparent, tracestate)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
ON CONFLICT (cause) DO NOTHING
"""

TAKE_WAITING = """
DELETE FROM waiting_confirmation WHERE user_id = ANY($1::uuid[])
RETURNING cause, user_id, text, correlation_id, traceparent, tracestate
"""

FOUND = text(contains(["text", "recipient", "client_ref"], ":search"))

# To its sender, a message that is being sent is still queued.
STORED_STATUSES = {"queued": ("queued", "sending")}


async def insert_messages(tx: Transaction, rows: Iterable[Sequence[object]], now: datetime) -> None:
    """Raises asyncpg.UniqueViolationError if a cause or a client's reference has its message already."""
    await tx.sql.execute(INSERT_MESSAGES, *columns(rows), now)


async def used_causes(tx: Transaction, causes: Collection[UUID]) -> set[UUID]:
    """Those of the causes that have their message already."""
    return {row["cause"] for row in await tx.sql.fetch(USED_CAUSES, list(causes))}


async def claim_due(tx: Transaction, limit: int, now: datetime, lease: timedelta) -> list[OutboundMessage]:
    """Lease up to `limit` due messages."""
    rows = await tx.sql.fetch(CLAIM_DUE, now, now + lease, limit)
    return [OutboundMessage(r["id"], r["channel"], r["recipient"], r["text"], r["attempts"]) for r in rows]


async def claim_unreported(tx: Transaction, limit: int, now: datetime) -> list[UnreportedMessage]:
    """Up to `limit` messages about which the provider is due to be asked."""
    rows = await tx.sql.fetch(CLAIM_UNREPORTED, now, limit)
    return [UnreportedMessage(row["id"], row["provider_id"], row["recipient"]) for row in rows]


async def postpone(tx: Transaction, retries: Iterable[tuple[UUID, int, datetime]]) -> None:
    """`retries` are (message id, attempt that ended, time of the next one)."""
    await tx.sql.execute(POSTPONE, *columns(retries))


async def insert_reports(tx: Transaction, reports: Iterable[Report], now: datetime) -> None:
    """Store the first report of each status; reports about unknown messages are dropped."""
    rows = [(r.message_id, r.status, r.at, r.code, r.detail) for r in reports]
    await tx.sql.execute(INSERT_REPORTS, *columns(rows), now)


async def advance(tx: Transaction, status: ReportedStatus, reports: Iterable[Report]) -> Sequence[Mapping[str, Any]]:
    """Set the status of each message that may still take it; the changed rows."""
    rows = [(r.message_id, r.at, r.provider_id, _error_code(r), r.detail) for r in reports]
    changed: Sequence[Mapping[str, Any]] = await tx.sql.fetch(ADVANCE, status, MAX_RANK_BEFORE[status], *columns(rows))
    return changed


def _error_code(report: Report) -> str | None:
    return (report.code or "failed") if report.status == "failed" else None


async def insert_waiting(tx: Transaction, rows: Iterable[Sequence[object]]) -> None:
    await tx.sql.execute(INSERT_WAITING, *columns(rows))


async def take_waiting(tx: Transaction, user_ids: Sequence[UUID]) -> Sequence[Mapping[str, Any]]:
    """Delete and return the waiting confirmations of these people."""
    rows: Sequence[Mapping[str, Any]] = await tx.sql.fetch(TAKE_WAITING, user_ids)
    return rows


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """None filters nothing. Queued from `since` on and before `until`."""

    status: str | None = None
    channel: str | None = None
    recipient: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None


async def list_messages(
    tx: Transaction, user_id: UUID, wanted: MessageFilter, *, before: UUID | None, limit: int
) -> Sequence[MessageRow]:
    """The user's messages, newest first; `before` is the id of the previous page's last message."""
    statement = select(MessageRow).where(col(MessageRow.user_id) == user_id)
    if wanted.status:
        statement = statement.where(col(MessageRow.status).in_(STORED_STATUSES.get(wanted.status, (wanted.status,))))
    if wanted.channel:
        statement = statement.where(col(MessageRow.channel) == wanted.channel)
    if wanted.recipient:
        statement = statement.where(col(MessageRow.recipient) == wanted.recipient)
    if wanted.since:
        statement = statement.where(col(MessageRow.queued_at) >= wanted.since)
    if wanted.until:
        statement = statement.where(col(MessageRow.queued_at) < wanted.until)
    if wanted.search:
        statement = statement.where(FOUND.bindparams(search=wanted.search))
    if before:
        statement = statement.where(col(MessageRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(MessageRow.id).desc()).limit(limit))).all()


async def get_message(tx: Transaction, user_id: UUID, message_id: UUID) -> MessageRow:
    """Raises MessageNotFound if the user has no such message."""
    message = await tx.session.get(MessageRow, message_id)
    if message is None or message.user_id != user_id:
        raise MessageNotFound
    return message


async def list_reports(tx: Transaction, message_id: UUID) -> Sequence[MessageReportRow]:
    """In the order in which they happened."""
    statement = select(MessageReportRow).where(col(MessageReportRow.message_id) == message_id)
    ordered = statement.order_by(col(MessageReportRow.at), col(MessageReportRow.heard_at))
    return (await tx.session.exec(ordered)).all()
