"""Personal pictures: add them within a quota, delete them, and erase all of a person."""

from uuid import UUID

from catalog.errors import ImageNotFound, MediaTooLarge, TooManyMedia, UsedByProduct
from catalog.media import store
from catalog.media.domain import MediaQuota, Upload, Visibility
from catalog.media.store import Discarded
from common.contracts.catalog import AvatarChanged
from common.persistence.transaction import Transaction


async def add_media(tx: Transaction, upload: Upload, owner_id: UUID, visibility: Visibility, quota: MediaQuota) -> None:
    """Raises TooManyMedia or MediaTooLarge if the quota is used up."""
    await store.lock_owner(tx, owner_id)
    files, size = await store.usage_of(tx, owner_id)
    if files >= quota.max_files:
        raise TooManyMedia(f"You may keep at most {quota.max_files} pictures")
    if size + upload.size > quota.max_bytes:
        raise MediaTooLarge(f"You may keep at most {quota.max_bytes} bytes")
    await store.insert_own(tx, upload, owner_id, visibility)


async def delete_media(tx: Transaction, media_id: UUID, caller_id: UUID, *, is_manager: bool) -> Discarded:
    """Delete a picture of the caller, or with `is_manager` of any person. Publishes AvatarChanged for a shown avatar.

    Raises ImageNotFound for a picture of somebody else, UsedByProduct for a product's image.
    """
    media = await store.find_media(tx.sql, media_id)
    if media is None or not (is_manager or (media["owner_id"] == caller_id and media["product_id"] is None)):
        raise ImageNotFound
    if media["product_id"] is not None:
        raise UsedByProduct
    owner_id: UUID = media["owner_id"]
    await store.lock_owner(tx, owner_id)
    avatars = await store.avatar_states(tx, owner_id)
    discarded = await store.discard_media(tx, [media_id])
    if not discarded:
        raise ImageNotFound
    if avatars.get(media_id) == "ready":
        tx.publish(AvatarChanged(user_id=owner_id, media_id=None))
    return discarded


async def erase_media(tx: Transaction, user_id: UUID) -> None:
    """Delete the person's pictures; a job deletes their files. Product images stay, without the person's id."""
    await store.lock_owner(tx, user_id)
    await store.discard_media(tx, await store.own_media_ids(tx, user_id))
    await store.remove_owner(tx, user_id)
