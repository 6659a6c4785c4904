"""A notification that its owner does not want to see again."""

from uuid import UUID

from common.errors import NotFound
from common.persistence.transaction import Transaction

DELETE = "DELETE FROM notification WHERE id = $2 AND user_id = $1 RETURNING id"


async def delete_notification(tx: Transaction, user_id: UUID, notification_id: UUID) -> None:
    """Raises NotFound for what does not exist or is another's."""
    if await tx.sql.fetchval(DELETE, user_id, notification_id) is None:
        raise NotFound("There is no such notification")
