"""Turn uploads into variants: claim, work outside any transaction, record what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from catalog.domain.images import Visibility, variant_paths
from catalog.usecases.discard_media import discard_media, lock_owner
from catalog.usecases.show_images import show_images
from common.contracts.catalog import AvatarChanged, MediaProcessed, MediaRejected
from common.persistence.transaction import Transaction

CLAIM_LASTS = timedelta(minutes=2)
"""Longer than any picture takes; whoever died in the middle is taken over after that."""

CLAIM = """
UPDATE media SET claimed_until = $1::timestamptz + $2, attempts = attempts + 1, updated_at = $1
WHERE id IN (SELECT id FROM media WHERE state = 'pending' AND (claimed_until IS NULL OR claimed_until <= $1)
             ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, attempts, visibility, product_id IS NULL AS personal
"""
UNFINISHED = "SELECT owner_id, is_avatar FROM media WHERE id = $1 AND state = 'pending'"
SHOWN_BEFORE = """
SELECT id FROM media WHERE owner_id = $1 AND is_avatar AND state = 'ready'
    AND EXISTS (SELECT FROM media WHERE id = $2 AND state = 'pending')
"""
KEPT = "SELECT EXISTS (SELECT FROM media WHERE id = $1)"
READY = """
UPDATE media SET state = 'ready', width = $2, height = $3, claimed_until = NULL, updated_at = now()
WHERE id = $1 AND state = 'pending' RETURNING owner_id, product_id
"""
REJECTED = """
UPDATE media SET state = 'rejected', reason = $2, claimed_until = NULL, updated_at = now()
WHERE id = $1 AND state = 'pending' RETURNING owner_id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """An upload to work on; `attempts` counts this one, `personal` is what shows no product."""

    media_id: UUID
    attempts: int
    visibility: Visibility
    personal: bool


async def claim_images(tx: Transaction, now: datetime, most: int) -> list[Claim]:
    """The oldest uploads that nobody works on."""
    rows = await tx.sql.fetch(CLAIM, now, CLAIM_LASTS, most)
    return [Claim(UUID(bytes=row["id"].bytes), row["attempts"], row["visibility"], row["personal"]) for row in rows]


async def finish_image(tx: Transaction, media_id: UUID, width: int, height: int) -> bool:
    """All variants are on disk. Publishes MediaProcessed, once, and of an avatar AvatarChanged.

    False when the image was taken away meanwhile: then its files are nobody's.
    """
    unfinished = await tx.sql.fetchrow(UNFINISHED, media_id)
    if unfinished is not None and unfinished["is_avatar"]:
        await _make_room(tx, media_id, unfinished["owner_id"])
    if (row := await tx.sql.fetchrow(READY, media_id, width, height)) is not None:
        if row["product_id"] is not None:
            await show_images(tx, row["product_id"])
        paths = variant_paths(media_id)
        tx.publish(
            MediaProcessed(media_id=media_id, owner_id=row["owner_id"], width=width, height=height, variants=paths)
        )
        if unfinished is not None and unfinished["is_avatar"]:
            tx.publish(AvatarChanged(user_id=row["owner_id"], media_id=media_id))
    kept: bool = await tx.sql.fetchval(KEPT, media_id)
    return kept


async def _make_room(tx: Transaction, media_id: UUID, owner_id: UUID) -> None:
    """The avatar that was shown so far goes, unless its successor is gone by now."""
    await lock_owner(tx, owner_id)
    former = await tx.sql.fetch(SHOWN_BEFORE, owner_id, media_id)
    await discard_media(tx, [row["id"] for row in former])


async def reject_image(tx: Transaction, media_id: UUID, reason: str) -> bool:
    """The file cannot be used. Publishes MediaRejected, once; False when another worker was quicker."""
    if (row := await tx.sql.fetchrow(REJECTED, media_id, reason)) is not None:
        tx.publish(MediaRejected(media_id=media_id, owner_id=row["owner_id"], reason=reason))
    return row is not None
