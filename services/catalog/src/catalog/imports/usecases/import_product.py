"""Import one product from another system. Importing it again changes nothing."""

from typing import Literal, NamedTuple
from uuid import UUID

from catalog.categories.domain import CategoryFields
from catalog.categories.usecases import create_category
from catalog.imports.domain.rows import ImportedProduct
from catalog.imports.store import lookups as store
from catalog.products.domain import ProductFields
from catalog.products.usecases import change_product, create_product
from catalog.stock.usecases import adjust_stock
from common.persistence.transaction import Transaction


class ImportResult(NamedTuple):
    product_id: UUID
    outcome: Literal["created", "updated", "unchanged"]


async def import_product(tx: Transaction, row: ImportedProduct, actor: UUID | None) -> ImportResult:
    """Matches an existing product by SKU, otherwise by external key. Stock is set for new products only."""
    values = dict(row.values)
    if row.category:
        values["category_id"] = await _category(tx, row.category)
    values |= {name: key for name, key in (("sku", row.sku), ("external_key", row.external_key)) if key is not None}
    if (product_id := await store.find_product(tx, row.sku, row.external_key)) is not None:
        is_changed = await change_product(tx, product_id, values)
        return ImportResult(product_id, "updated" if is_changed else "unchanged")
    product = await create_product(tx, ProductFields(**{"category_id": None} | values))
    if row.stock:
        await adjust_stock(tx, product.id, row.stock, reason="received", note="import", actor=actor)
    return ImportResult(product.id, "created")


async def _category(tx: Transaction, path: tuple[str, ...]) -> UUID | None:
    """The category at the end of a path of names; missing categories are created."""
    category_id: UUID | None = None
    for name in path:
        existing = await store.find_category(tx, name, category_id)
        if existing is None:
            # Two imports that need the same new category must not create it twice.
            await store.lock_categories(tx)
            existing = await store.find_category(tx, name, category_id)
        category_id = existing or (await create_category(tx, CategoryFields(name, category_id))).id
    return category_id
