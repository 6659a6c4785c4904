"""The processing of uploads into variants: claim, render outside any transaction, record the result."""

from datetime import datetime, timedelta
from uuid import UUID

from catalog.media import store
from catalog.media.domain import variant_paths
from catalog.media.store import Claim
from catalog.media.usecases.product_images import update_product_images
from common.contracts.catalog import AvatarChanged, MediaProcessed, MediaRejected
from common.persistence.transaction import Transaction

CLAIM_LEASE = timedelta(minutes=2)
"""Longer than any picture takes; then another worker takes over the upload of a worker that crashed."""


async def claim_images(tx: Transaction, now: datetime, limit: int) -> list[Claim]:
    return await store.claim_pending(tx, now, CLAIM_LEASE, limit)


async def finish_image(tx: Transaction, media_id: UUID, width: int, height: int) -> bool:
    """Record that all variants are on disk. Publishes MediaProcessed, once, and for an avatar AvatarChanged.

    False if the image was deleted meanwhile: then its files must be deleted too.
    """
    pending = await store.find_pending(tx, media_id)
    if pending is not None and pending["is_avatar"]:
        await _discard_former_avatar(tx, media_id, pending["owner_id"])
    if (image := await store.set_ready(tx, media_id, width, height)) is not None:
        if image["product_id"] is not None:
            await update_product_images(tx, image["product_id"])
        owner_id, paths = image["owner_id"], variant_paths(media_id)
        tx.publish(MediaProcessed(media_id=media_id, owner_id=owner_id, width=width, height=height, variants=paths))
        if image["is_avatar"]:
            tx.publish(AvatarChanged(user_id=owner_id, media_id=media_id))
    return await store.media_exists(tx, media_id)


async def reject_image(tx: Transaction, media_id: UUID, reason: str) -> bool:
    """Publishes MediaRejected, once; False if another worker has recorded its result."""
    image = await store.set_rejected(tx, media_id, reason)
    if image is not None:
        tx.publish(MediaRejected(media_id=media_id, owner_id=image["owner_id"], reason=reason))
    return image is not None


async def _discard_former_avatar(tx: Transaction, media_id: UUID, owner_id: UUID) -> None:
    """The former avatar stays if its successor was deleted by now."""
    await store.lock_owner(tx, owner_id)
    await store.discard_media(tx, await store.other_ready_avatars(tx, owner_id, media_id))
