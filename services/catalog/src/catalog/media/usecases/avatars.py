"""Set and delete the avatar of an account. The former avatar is shown until the next one is ready."""

from uuid import UUID

from catalog.media import store
from catalog.media.domain import Upload
from catalog.media.store import Discarded
from common.contracts.catalog import AvatarChanged
from common.persistence.transaction import Transaction


async def set_avatar(tx: Transaction, upload: Upload, owner_id: UUID) -> Discarded:
    """AvatarChanged follows when its variants are ready (`finish_image`). Earlier uploads that are not are deleted."""
    await store.lock_owner(tx, owner_id)
    avatars = await store.avatar_states(tx, owner_id)
    discarded = await store.discard_media(tx, [media_id for media_id, state in avatars.items() if state != "ready"])
    await store.insert_own(tx, upload, owner_id, "private", is_avatar=True)
    return discarded


async def delete_avatar(tx: Transaction, owner_id: UUID) -> Discarded:
    """Publishes AvatarChanged if one was shown."""
    await store.lock_owner(tx, owner_id)
    avatars = await store.avatar_states(tx, owner_id)
    if "ready" in avatars.values():
        tx.publish(AvatarChanged(user_id=owner_id, media_id=None))
    return await store.discard_media(tx, list(avatars))
