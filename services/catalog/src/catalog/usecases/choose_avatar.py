"""A person's own picture: the former one is shown until the next is ready."""

from uuid import UUID

from catalog.usecases.add_image import Upload
from catalog.usecases.discard_media import Discarded, discard_media, lock_owner
from catalog.usecases.keep_media import record
from common.contracts.catalog import AvatarChanged
from common.persistence.transaction import Transaction

AVATARS = "SELECT id, state FROM media WHERE owner_id = $1 AND is_avatar"


async def choose_avatar(tx: Transaction, upload: Upload, owner_id: UUID) -> Discarded:
    """Announced when its variants are there (`finish_image`). Earlier choices that were never shown are gone."""
    await lock_owner(tx, owner_id)
    avatars = await tx.sql.fetch(AVATARS, owner_id)
    gone = await discard_media(tx, [row["id"] for row in avatars if row["state"] != "ready"])
    await record(tx, upload, owner_id, "private", is_avatar=True)
    return gone


async def drop_avatar(tx: Transaction, owner_id: UUID) -> Discarded:
    """Nothing is left of it. Publishes AvatarChanged when one was shown."""
    await lock_owner(tx, owner_id)
    avatars = await tx.sql.fetch(AVATARS, owner_id)
    if any(row["state"] == "ready" for row in avatars):
        tx.publish(AvatarChanged(user_id=owner_id, media_id=None))
    return await discard_media(tx, [row["id"] for row in avatars])
