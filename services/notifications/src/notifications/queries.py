"""Reads for the API. Feeds are newest first; a cursor is the id of the last row that was shown."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from common.persistence.transaction import Transaction
from notifications.tables import EmailRow, NotificationRow

UNREAD = "SELECT count(*) FROM notification WHERE user_id = $1 AND read_at IS NULL"


async def notifications_of(
    tx: Transaction, user_id: UUID, *, is_read: bool | None, before: UUID | None, limit: int
) -> Sequence[NotificationRow]:
    statement = select(NotificationRow).where(col(NotificationRow.user_id) == user_id)
    if is_read is not None:
        read_at = col(NotificationRow.read_at)
        statement = statement.where(read_at.is_not(None) if is_read else read_at.is_(None))
    if before is not None:
        statement = statement.where(col(NotificationRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(NotificationRow.id).desc()).limit(limit))).all()


async def unread_count(tx: Transaction, user_id: UUID) -> int:
    count: int = await tx.sql.fetchval(UNREAD, user_id)
    return count


async def emails(
    tx: Transaction,
    *,
    state: str | None,
    template: str | None,
    user_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[EmailRow]:
    filters = {EmailRow.state: state, EmailRow.template: template, EmailRow.user_id: user_id}
    statement = select(EmailRow)
    for column, value in filters.items():
        if value is not None:
            statement = statement.where(col(column) == value)
    if before is not None:
        statement = statement.where(col(EmailRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(EmailRow.id).desc()).limit(limit))).all()
