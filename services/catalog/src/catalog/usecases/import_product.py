"""Take over one product from another system, so that doing it twice changes nothing."""

from typing import Literal, NamedTuple
from uuid import UUID

from catalog.domain.imported_rows import ImportedProduct
from catalog.domain.offers import Offer, Shelving
from catalog.usecases.adjust_stock import adjust_stock
from catalog.usecases.change_product import change_product
from catalog.usecases.create_category import create_category
from catalog.usecases.create_product import create_product
from common.persistence.transaction import Transaction

FIND = """
SELECT id FROM product WHERE deleted_at IS NULL AND (sku = $1 OR external_key = $2)
ORDER BY sku IS NOT DISTINCT FROM $1 DESC LIMIT 1
"""
CATEGORY_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('category.import', 0))"
FIND_CATEGORY = """
SELECT id FROM category WHERE lower(name) = lower($1) AND parent_id IS NOT DISTINCT FROM $2 ORDER BY id LIMIT 1
"""


class Imported(NamedTuple):
    product_id: UUID
    outcome: Literal["created", "updated", "unchanged"]


async def import_product(tx: Transaction, row: ImportedProduct, actor: UUID) -> Imported:
    """Found again by its SKU, else by its external key. What is on the shelf is set for a new product only."""
    values = dict(row.values)
    if row.category:
        values["category_id"] = await _category(tx, row.category)
    values |= {name: key for name, key in (("sku", row.sku), ("external_key", row.external_key)) if key is not None}
    known = await tx.sql.fetchval(FIND, row.sku, row.external_key)
    if known is not None:
        product_id = UUID(bytes=known.bytes)
        return Imported(product_id, "updated" if await change_product(tx, product_id, values) else "unchanged")
    product = await create_product(tx, Offer(**{"category_id": None} | values))
    if row.stock:
        await adjust_stock(tx, product.id, row.stock, reason="received", note="import", actor=actor)
    return Imported(product.id, "created")


async def _category(tx: Transaction, path: tuple[str, ...]) -> UUID | None:
    """The category at the end of a path of names; what is missing of it is made."""
    category_id: UUID | None = None
    for name in path:
        found = await tx.sql.fetchval(FIND_CATEGORY, name, category_id)
        if found is None:
            # Two imports that meet the same new name must not make it twice.
            await tx.sql.execute(CATEGORY_LOCK)
            found = await tx.sql.fetchval(FIND_CATEGORY, name, category_id)
        category_id = found or (await create_category(tx, Shelving(name, category_id))).id
    return category_id
