"""Look-ups of existing products and categories for an import."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction

FIND_PRODUCT = """
SELECT id FROM product WHERE deleted_at IS NULL AND (sku = $1 OR external_key = $2)
ORDER BY sku IS NOT DISTINCT FROM $1 DESC LIMIT 1
"""
FIND_KEYS = """
SELECT sku, external_key FROM product WHERE deleted_at IS NULL AND sku = ANY($1)
UNION ALL
SELECT sku, external_key FROM product WHERE deleted_at IS NULL AND external_key = ANY($2)
"""
FIND_CATEGORY = """
SELECT id FROM category WHERE name_key = text_key($1) AND parent_id IS NOT DISTINCT FROM $2
"""
LOCK_CATEGORIES = "SELECT pg_advisory_xact_lock(hashtextextended('category.import', 0))"


async def find_product(tx: Transaction, sku: str | None, external_key: str | None) -> UUID | None:
    """The product with this SKU, otherwise the one with this external key."""
    product_id: UUID | None = await tx.sql.fetchval(FIND_PRODUCT, sku, external_key)
    # asyncpg's UUID is a subclass of its own.
    return product_id and UUID(bytes=product_id.bytes)


async def find_keys(tx: Transaction, skus: Sequence[str], external_keys: Sequence[str]) -> tuple[set[str], set[str]]:
    """The SKUs and the external keys of the products that have one of these."""
    rows = await tx.sql.fetch(FIND_KEYS, skus, external_keys)
    return {row["sku"] for row in rows}, {row["external_key"] for row in rows}


async def find_category(tx: Transaction, name: str, parent_id: UUID | None) -> UUID | None:
    category_id: UUID | None = await tx.sql.fetchval(FIND_CATEGORY, name, parent_id)
    return category_id


async def lock_categories(tx: Transaction) -> None:
    """Only one import at a time creates categories."""
    await tx.sql.execute(LOCK_CATEGORIES)
