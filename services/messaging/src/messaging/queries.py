"""Reads for the API. Feeds are newest first; a cursor is the id of the last row that was shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from common.errors import NotFound
from common.persistence.transaction import Transaction
from messaging.tables import MessageReportRow, MessageRow

# To its sender, a message that is being sent is still queued.
STORED = {"queued": ("queued", "sending")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the list; None lets everything pass. Queued from `since` on and before `until`."""

    status: str | None = None
    channel: str | None = None
    recipient: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def messages_of(
    tx: Transaction, user_id: UUID, wanted: Wanted, *, before: UUID | None, limit: int
) -> Sequence[MessageRow]:
    statement = select(MessageRow).where(col(MessageRow.user_id) == user_id)
    if wanted.status:
        statement = statement.where(col(MessageRow.status).in_(STORED.get(wanted.status, (wanted.status,))))
    if wanted.channel:
        statement = statement.where(col(MessageRow.channel) == wanted.channel)
    if wanted.recipient:
        statement = statement.where(col(MessageRow.recipient) == wanted.recipient)
    if wanted.since:
        statement = statement.where(col(MessageRow.queued_at) >= wanted.since)
    if wanted.until:
        statement = statement.where(col(MessageRow.queued_at) < wanted.until)
    if before:
        statement = statement.where(col(MessageRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(MessageRow.id).desc()).limit(limit))).all()


async def message_of(tx: Transaction, user_id: UUID, message_id: UUID) -> MessageRow:
    """Raises NotFound for what does not exist or is another's."""
    message = await tx.session.get(MessageRow, message_id)
    if message is None or message.user_id != user_id:
        raise NotFound("There is no such message")
    return message


async def reports_of(tx: Transaction, message_id: UUID) -> Sequence[MessageReportRow]:
    """In the order in which they happened."""
    statement = select(MessageReportRow).where(col(MessageReportRow.message_id) == message_id)
    ordered = statement.order_by(col(MessageReportRow.at), col(MessageReportRow.heard_at))
    return (await tx.session.exec(ordered)).all()
