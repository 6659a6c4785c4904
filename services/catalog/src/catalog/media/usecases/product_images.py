"""Add images to products, and remove them."""

from uuid import UUID

from catalog.errors import ImageNotFound, ProductNotFound, TooManyImages
from catalog.media import store
from catalog.media.domain import MAX_IMAGES_PER_PRODUCT, Upload
from catalog.media.store import Discarded
from common.contracts.catalog import ProductImagesChanged
from common.persistence.transaction import Transaction


async def add_image(tx: Transaction, product_id: UUID, upload: Upload, owner_id: UUID | None) -> UUID:
    """The id of the product's image with this content: the upload's, or an older image's if it has the same content.

    Raises ProductNotFound or TooManyImages.
    """
    if not await store.lock_product(tx, product_id):
        raise ProductNotFound
    if (same_image := await store.find_same_image(tx, product_id, upload.sha256)) is not None:
        return same_image
    count, next_position = await store.count_product_images(tx, product_id)
    if count >= MAX_IMAGES_PER_PRODUCT:
        raise TooManyImages(f"A product has at most {MAX_IMAGES_PER_PRODUCT} images")
    await store.insert_product_image(tx, upload, product_id, owner_id, next_position)
    return upload.media_id


async def remove_image(tx: Transaction, product_id: UUID, media_id: UUID) -> Discarded:
    """Delete the image; the caller deletes its files after the commit. Publishes ProductImagesChanged.

    Raises ImageNotFound.
    """
    discarded = await store.discard_product_image(tx, product_id, media_id)
    if not discarded:
        raise ImageNotFound
    await update_product_images(tx, product_id)
    return discarded


async def update_product_images(tx: Transaction, product_id: UUID) -> None:
    """Publishes ProductImagesChanged."""
    await store.write_product_images(tx, product_id)
    tx.publish(ProductImagesChanged(product_id=product_id))
