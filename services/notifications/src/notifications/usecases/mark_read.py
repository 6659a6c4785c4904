"""Notifications that their owner has seen."""

from collections.abc import Sequence
from uuid import UUID

from common import clock
from common.errors import NotFound
from common.persistence.transaction import Transaction

OWN = "SELECT true FROM notification WHERE id = $2 AND user_id = $1"

MARK_SOME = """
UPDATE notification SET read_at = $3 WHERE user_id = $1 AND id = ANY($2::uuid[]) AND read_at IS NULL
"""

MARK_ALL = "UPDATE notification SET read_at = $2 WHERE user_id = $1 AND read_at IS NULL"


async def mark_read(tx: Transaction, user_id: UUID, notification_id: UUID) -> int:
    """1 if it was unread until now, else 0. Raises NotFound for what does not exist or is another's."""
    if not await tx.sql.fetchval(OWN, user_id, notification_id):
        raise NotFound("There is no such notification")
    return await mark_some_read(tx, user_id, [notification_id])


async def mark_some_read(tx: Transaction, user_id: UUID, ids: Sequence[UUID]) -> int:
    """How many were unread until now; ids that are not the user's own count for nothing."""
    return _affected(await tx.sql.execute(MARK_SOME, user_id, ids, clock.now()))


async def mark_all_read(tx: Transaction, user_id: UUID) -> int:
    """How many were unread until now."""
    return _affected(await tx.sql.execute(MARK_ALL, user_id, clock.now()))


def _affected(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
