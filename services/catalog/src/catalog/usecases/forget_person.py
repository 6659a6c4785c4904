"""Nothing of a person's is left here, once the account is erased."""

from uuid import UUID

from catalog.usecases.discard_media import discard_media, lock_owner
from common.persistence.transaction import Transaction

OWN = "SELECT id FROM media WHERE owner_id = $1 AND product_id IS NULL"
# The shop's images stay, and no longer say who uploaded them.
DISOWN = "UPDATE media SET owner_id = NULL WHERE owner_id = $1"


async def forget_person(tx: Transaction, user_id: UUID) -> None:
    """The rows go here, their files by the job."""
    await lock_owner(tx, user_id)
    await discard_media(tx, [row["id"] for row in await tx.sql.fetch(OWN, user_id)])
    await tx.sql.execute(DISOWN, user_id)
