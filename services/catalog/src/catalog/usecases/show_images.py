"""Keep a product's list of images, which every read of it shows, in step with its media."""

from uuid import UUID

from common.contracts.catalog import ProductImagesChanged
from common.persistence.transaction import Transaction

# First the lock, then a statement that sees what those before us have committed.
LOCK = "SELECT id FROM product WHERE id = $1 FOR UPDATE"
SHOW = """
UPDATE product SET images = (
    SELECT coalesce(json_agg(json_build_object(
        'id', id, 'url', '/api/v1/media/' || id || '/large',
        'variants', json_build_object('thumb', '/api/v1/media/' || id || '/thumb',
                                      'medium', '/api/v1/media/' || id || '/medium',
                                      'large', '/api/v1/media/' || id || '/large')) ORDER BY position, id), '[]')
    FROM media WHERE product_id = $1 AND state = 'ready')
WHERE id = $1
"""


async def show_images(tx: Transaction, product_id: UUID) -> None:
    """Write the product's ready images, in their order, into its row. Publishes ProductImagesChanged."""
    await tx.sql.execute(LOCK, product_id)
    await tx.sql.execute(SHOW, product_id)
    tx.publish(ProductImagesChanged(product_id=product_id))
