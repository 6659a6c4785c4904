"""SQL of in-app notifications."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import ALWAYS, TimeRange
from notifications.inbox.tables import NotificationRow

# A cause has at most one notification, even after the consumer's inbox has deleted its record of the event.
INSERT = """
INSERT INTO notification (id, user_id, topic, title, body, data, cause, created_at)
SELECT *, $8::timestamptz
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[])
ON CONFLICT (cause) DO NOTHING RETURNING id
"""

EXISTS = "SELECT EXISTS (SELECT FROM notification WHERE id = $2 AND user_id = $1)"
UNREAD = "SELECT count(*) FROM notification WHERE user_id = $1 AND read_at IS NULL"
MARK_READ = """
UPDATE notification SET read_at = $3 WHERE user_id = $1 AND id = ANY($2::uuid[]) AND read_at IS NULL
"""
MARK_ALL_READ = "UPDATE notification SET read_at = $2 WHERE user_id = $1 AND read_at IS NULL"
DELETE = "DELETE FROM notification WHERE id = $2 AND user_id = $1"


FOUND = text(contains(["title", "body", "topic"], ":search"))


async def insert_notifications(tx: Transaction, rows: Iterable[Sequence[object]], now: datetime) -> set[UUID]:
    """The ids of those that were inserted; a cause that has its notification already is skipped."""
    return {row["id"] for row in await tx.sql.fetch(INSERT, *columns(rows), now)}


async def exists(tx: Transaction, user_id: UUID, notification_id: UUID) -> bool:
    """Whether the user has this notification."""
    found: bool = await tx.sql.fetchval(EXISTS, user_id, notification_id)
    return found


async def mark_read(tx: Transaction, user_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """How many of them were unread; ids of other users' notifications are ignored."""
    return _affected(await tx.sql.execute(MARK_READ, user_id, ids, now))


async def mark_all_read(tx: Transaction, user_id: UUID, now: datetime) -> int:
    """How many were unread."""
    return _affected(await tx.sql.execute(MARK_ALL_READ, user_id, now))


async def delete_notification(tx: Transaction, user_id: UUID, notification_id: UUID) -> bool:
    """Whether the user had this notification."""
    return _affected(await tx.sql.execute(DELETE, user_id, notification_id)) > 0


async def unread_count(tx: Transaction, user_id: UUID) -> int:
    count: int = await tx.sql.fetchval(UNREAD, user_id)
    return count


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """None filters nothing."""

    is_read: bool | None = None
    created: TimeRange = ALWAYS
    search: str | None = None


async def list_notifications(
    tx: Transaction, user_id: UUID, wanted: NotificationFilter, *, before: UUID | None, limit: int
) -> Sequence[NotificationRow]:
    """Newest first; `before` is the id of the previous page's last notification."""
    statement = select(NotificationRow).where(col(NotificationRow.user_id) == user_id)
    if wanted.is_read is not None:
        read_at = col(NotificationRow.read_at)
        statement = statement.where(read_at.is_not(None) if wanted.is_read else read_at.is_(None))
    if wanted.created.since is not None:
        statement = statement.where(col(NotificationRow.created_at) >= wanted.created.since)
    if wanted.created.until is not None:
        statement = statement.where(col(NotificationRow.created_at) < wanted.created.until)
    if wanted.search is not None:
        statement = statement.where(FOUND.bindparams(search=wanted.search))
    if before is not None:
        statement = statement.where(col(NotificationRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(NotificationRow.id).desc()).limit(limit))).all()


def _affected(status: str) -> int:
    """The number of rows in a command tag such as `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[-1])
