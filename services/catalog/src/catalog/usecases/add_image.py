"""Give a product an image, or take one away."""

from dataclasses import dataclass
from uuid import UUID

from catalog.domain.images import MOST_PER_PRODUCT
from catalog.usecases.show_images import show_images
from common.errors import Conflict, NotFound
from common.persistence.transaction import Transaction

PRODUCT = "SELECT id FROM product WHERE id = $1 AND deleted_at IS NULL FOR UPDATE"
SAME = "SELECT id FROM media WHERE product_id = $1 AND sha256 = $2 AND state <> 'rejected'"
PLACE = """
SELECT count(*) AS images, coalesce(max(position) + 1, 0) AS next
FROM media WHERE product_id = $1 AND state <> 'rejected'
"""
ADD = """
INSERT INTO media (id, product_id, owner_id, position, content_type, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
REMOVE = "DELETE FROM media WHERE id = $1 AND product_id = $2 RETURNING id"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file whose original is on disk under its new id."""

    media_id: UUID
    content_type: str
    size: int
    sha256: bytes


async def add_image(tx: Transaction, product_id: UUID, upload: Upload, owner_id: UUID | None) -> UUID:
    """The id of the product's image with this content: the upload's, or an older one when it was there already."""
    if await tx.sql.fetchval(PRODUCT, product_id) is None:
        raise NotFound("There is no such product")
    if (same := await tx.sql.fetchval(SAME, product_id, upload.sha256)) is not None:
        return UUID(bytes=same.bytes)
    place = await tx.sql.fetchrow(PLACE, product_id)
    if place["images"] >= MOST_PER_PRODUCT:
        raise Conflict(f"A product has at most {MOST_PER_PRODUCT} images", code="too_many_images")
    await tx.sql.execute(
        ADD, upload.media_id, product_id, owner_id, place["next"], upload.content_type, upload.size, upload.sha256
    )
    return upload.media_id


async def remove_image(tx: Transaction, product_id: UUID, media_id: UUID) -> None:
    """Forget the image; its files go after the commit."""
    if await tx.sql.fetchval(REMOVE, media_id, product_id) is None:
        raise NotFound("The product has no such image")
    await show_images(tx, product_id)
