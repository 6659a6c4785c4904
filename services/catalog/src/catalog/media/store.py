"""The SQL of images. Every deletion records the image as discarded: its files are deleted after the commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from catalog.media.domain import Upload, Visibility
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest

Discarded = dict[UUID, Visibility]
"""Images that were deleted; their files are still on disk."""

SHAPE = "id, owner_id, product_id, visibility, is_avatar, state, reason, content_type, width, height, created_at"
FIND = f"SELECT {SHAPE} FROM media WHERE id = $1"  # noqa: S608 (constants of this module)
SORTING = Sorting({"created_at": "id"})
SEARCHED = ("content_type", "state", "visibility", "reason")
FOUND_OWN = contains(SEARCHED, "$4")
LIST_OWN = f"""
SELECT {SHAPE}, count(*) OVER () AS total FROM media WHERE owner_id = $1 AND product_id IS NULL
  AND ($4::text IS NULL OR {FOUND_OWN}) ORDER BY {{}} OFFSET $2 LIMIT $3
"""  # noqa: S608 (constants of this module)
COUNT_OWN = f"""
SELECT count(*) FROM media
WHERE owner_id = $1 AND product_id IS NULL AND ($2::text IS NULL OR {contains(SEARCHED, "$2")})
"""  # noqa: S608 (constants of this module)

LOCK_OWNER = "SELECT pg_advisory_xact_lock(hashtextextended('media of ' || $1::uuid::text, 0))"
USAGE = """
SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes
FROM media WHERE owner_id = $1 AND product_id IS NULL AND NOT is_avatar
"""
INSERT_OWN = """
INSERT INTO media (id, owner_id, visibility, is_avatar, content_type, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
ALL_OWN = "SELECT id FROM media WHERE owner_id = $1 AND product_id IS NULL"
REMOVE_OWNER = "UPDATE media SET owner_id = NULL WHERE owner_id = $1"
AVATARS = "SELECT id, state FROM media WHERE owner_id = $1 AND is_avatar"
OTHER_READY_AVATARS = """
SELECT id FROM media WHERE owner_id = $1 AND is_avatar AND state = 'ready'
    AND EXISTS (SELECT FROM media WHERE id = $2 AND state = 'pending')
"""

LOCK_PRODUCT = "SELECT id FROM product WHERE id = $1 AND deleted_at IS NULL FOR UPDATE"
SAME_CONTENT = "SELECT id FROM media WHERE product_id = $1 AND sha256 = $2 AND state <> 'rejected'"
PRODUCT_IMAGES = """
SELECT count(*) AS count, coalesce(max(position) + 1, 0) AS next_position
FROM media WHERE product_id = $1 AND state <> 'rejected'
"""
INSERT_PRODUCT_IMAGE = """
INSERT INTO media (id, product_id, owner_id, position, content_type, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
LOCK_PRODUCT_ROW = "SELECT id FROM product WHERE id = $1 FOR UPDATE"
WRITE_PRODUCT_IMAGES = """
UPDATE product SET images = (
    SELECT coalesce(json_agg(json_build_object(
        'id', id, 'url', '/api/v1/media/' || id || '/large',
        'variants', json_build_object('thumb', '/api/v1/media/' || id || '/thumb',
                                      'medium', '/api/v1/media/' || id || '/medium',
                                      'large', '/api/v1/media/' || id || '/large')) ORDER BY position, id), '[]')
    FROM media WHERE product_id = $1 AND state = 'ready')
WHERE id = $1
"""

CLAIM = """
UPDATE media SET claimed_until = $1::timestamptz + $2, attempts = attempts + 1, updated_at = $1
WHERE id IN (SELECT id FROM media WHERE state = 'pending' AND (claimed_until IS NULL OR claimed_until <= $1)
             ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, attempts, visibility, product_id IS NULL AS is_personal
"""
PENDING = "SELECT owner_id, is_avatar FROM media WHERE id = $1 AND state = 'pending'"
SET_READY = """
UPDATE media SET state = 'ready', width = $2, height = $3, claimed_until = NULL, updated_at = now()
WHERE id = $1 AND state = 'pending' RETURNING owner_id, product_id, is_avatar
"""
SET_REJECTED = """
UPDATE media SET state = 'rejected', reason = $2, claimed_until = NULL, updated_at = now()
WHERE id = $1 AND state = 'pending' RETURNING owner_id
"""
EXISTS = "SELECT EXISTS (SELECT FROM media WHERE id = $1)"

DISCARD = """
WITH deleted AS (DELETE FROM media WHERE id = ANY($1) RETURNING id, visibility)
INSERT INTO discarded_media (media_id, visibility) SELECT id, visibility FROM deleted RETURNING media_id, visibility
"""
DISCARD_PRODUCT_IMAGE = """
WITH deleted AS (DELETE FROM media WHERE id = $1 AND product_id = $2 RETURNING id, visibility)
INSERT INTO discarded_media (media_id, visibility) SELECT id, visibility FROM deleted RETURNING media_id, visibility
"""
DISCARDED = "SELECT media_id, visibility FROM discarded_media ORDER BY at LIMIT $1"
DELETE_DISCARDED = "DELETE FROM discarded_media WHERE media_id = ANY($1)"


class Claim(NamedTuple):
    """An upload to process. `attempts` includes this one; `is_personal` means that it is not a product's image."""

    media_id: UUID
    attempts: int
    visibility: Visibility
    is_personal: bool


async def find_media(sql: asyncpg.Connection, media_id: UUID) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = await sql.fetchrow(FIND, media_id)
    return row


async def list_own_media(
    sql: asyncpg.Connection, owner_id: UUID, search: str | None, ordering: str, page: PageRequest
) -> tuple[list[Mapping[str, Any]], int]:
    """A page of a person's pictures, and the total."""
    statement = LIST_OWN.format(SORTING.order_by(ordering))
    rows = await sql.fetch(statement, owner_id, page.offset, page.limit, search)
    return rows, rows[0]["total"] if rows else await sql.fetchval(COUNT_OWN, owner_id, search)


# Personal pictures


async def lock_owner(tx: Transaction, owner_id: UUID) -> None:
    """One change of a person's pictures at a time; taken before any row of them is locked."""
    await tx.sql.execute(LOCK_OWNER, owner_id)


async def usage_of(tx: Transaction, owner_id: UUID) -> tuple[int, int]:
    """The files and the bytes that count towards the quota."""
    row = await tx.sql.fetchrow(USAGE, owner_id)
    return row["files"], row["bytes"]


async def insert_own(
    tx: Transaction, upload: Upload, owner_id: UUID, visibility: Visibility, *, is_avatar: bool = False
) -> None:
    content = (upload.content_type, upload.size, upload.sha256)
    await tx.sql.execute(INSERT_OWN, upload.media_id, owner_id, visibility, is_avatar, *content)


async def own_media_ids(tx: Transaction, owner_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.sql.fetch(ALL_OWN, owner_id)]


async def remove_owner(tx: Transaction, owner_id: UUID) -> None:
    """Product images stay, without the person who uploaded them."""
    await tx.sql.execute(REMOVE_OWNER, owner_id)


async def avatar_states(tx: Transaction, owner_id: UUID) -> dict[UUID, str]:
    return dict(await tx.sql.fetch(AVATARS, owner_id))


async def other_ready_avatars(tx: Transaction, owner_id: UUID, media_id: UUID) -> list[UUID]:
    """The avatar that the pending `media_id` replaces; none if that is not pending any more."""
    return [row["id"] for row in await tx.sql.fetch(OTHER_READY_AVATARS, owner_id, media_id)]


# Product images


async def lock_product(tx: Transaction, product_id: UUID) -> bool:
    """Whether the product exists; its row is locked."""
    return await tx.sql.fetchval(LOCK_PRODUCT, product_id) is not None


async def find_same_image(tx: Transaction, product_id: UUID, sha256: bytes) -> UUID | None:
    """The product's image with this content."""
    media_id: UUID | None = await tx.sql.fetchval(SAME_CONTENT, product_id, sha256)
    # asyncpg's UUID is a subclass of its own.
    return media_id and UUID(bytes=media_id.bytes)


async def count_product_images(tx: Transaction, product_id: UUID) -> tuple[int, int]:
    """How many images the product has, and the position of the next one."""
    row = await tx.sql.fetchrow(PRODUCT_IMAGES, product_id)
    return row["count"], row["next_position"]


async def insert_product_image(
    tx: Transaction, upload: Upload, product_id: UUID, owner_id: UUID | None, position: int
) -> None:
    content = (upload.content_type, upload.size, upload.sha256)
    await tx.sql.execute(INSERT_PRODUCT_IMAGE, upload.media_id, product_id, owner_id, position, *content)


async def write_product_images(tx: Transaction, product_id: UUID) -> None:
    """Write the product's ready images, in their order, into its row, which every read of the product shows."""
    # First the lock, then a statement whose snapshot includes what earlier holders of the lock committed.
    await tx.sql.execute(LOCK_PRODUCT_ROW, product_id)
    await tx.sql.execute(WRITE_PRODUCT_IMAGES, product_id)


# Processing


async def claim_pending(tx: Transaction, now: datetime, lease: timedelta, limit: int) -> list[Claim]:
    """The oldest uploads that no worker has claimed; claimed until the lease ends."""
    rows = await tx.sql.fetch(CLAIM, now, lease, limit)
    return [Claim(UUID(bytes=row["id"].bytes), row["attempts"], row["visibility"], row["is_personal"]) for row in rows]


async def find_pending(tx: Transaction, media_id: UUID) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = await tx.sql.fetchrow(PENDING, media_id)
    return row


async def set_ready(tx: Transaction, media_id: UUID, width: int, height: int) -> Mapping[str, Any] | None:
    """None if it is not pending any more."""
    row: Mapping[str, Any] | None = await tx.sql.fetchrow(SET_READY, media_id, width, height)
    return row


async def set_rejected(tx: Transaction, media_id: UUID, reason: str) -> Mapping[str, Any] | None:
    """None if it is not pending any more."""
    row: Mapping[str, Any] | None = await tx.sql.fetchrow(SET_REJECTED, media_id, reason)
    return row


async def media_exists(tx: Transaction, media_id: UUID) -> bool:
    exists: bool = await tx.sql.fetchval(EXISTS, media_id)
    return exists


# Deletion


async def discard_media(tx: Transaction, media_ids: Sequence[UUID]) -> Discarded:
    """Delete the images that exist."""
    return dict(await tx.sql.fetch(DISCARD, media_ids))


async def discard_product_image(tx: Transaction, product_id: UUID, media_id: UUID) -> Discarded:
    """Delete the image if the product has it."""
    return dict(await tx.sql.fetch(DISCARD_PRODUCT_IMAGE, media_id, product_id))


async def list_discarded(tx: Transaction, limit: int) -> Discarded:
    """The oldest first."""
    return dict(await tx.sql.fetch(DISCARDED, limit))


async def delete_discarded(tx: Transaction, media_ids: Sequence[UUID]) -> None:
    """Their files are deleted."""
    await tx.sql.execute(DELETE_DISCARDED, media_ids)
