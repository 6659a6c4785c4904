"""Import products from another system. Importing them again changes nothing."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from catalog.categories.domain import CategoryFields
from catalog.categories.usecases import create_category
from catalog.imports.domain.rows import ImportedProduct
from catalog.imports.store import lookups as store
from catalog.products.domain import ProductFields
from catalog.products.usecases import change_product, create_products
from catalog.stock.usecases import receive_first_stock
from common.persistence.transaction import Transaction

Categories = dict[tuple[str, ...], UUID | None]


class ImportResult(NamedTuple):
    product_id: UUID
    outcome: Literal["created", "updated", "unchanged"]


async def import_products(tx: Transaction, rows: Sequence[ImportedProduct], actor: UUID | None) -> list[ImportResult]:
    """Matches existing products by SKU, otherwise by external key. Stock is set for new products only."""
    categories = {path: await _category(tx, path) for path in {row.category: None for row in rows if row.category}}
    new = await _new(tx, rows)
    created = await _create(tx, [rows[index] for index in new], categories, actor)
    results = dict(zip(new, created, strict=True))
    # In the order of the file: a row may name a product that a row before it created.
    for index, row in enumerate(rows):
        if index not in results:
            results[index] = await _import_product(tx, row, categories, actor)
    return [results[index] for index in range(len(rows))]


async def _new(tx: Transaction, rows: Sequence[ImportedProduct]) -> list[int]:
    """The positions of rows whose keys neither a product nor an earlier row has."""
    skus, keys = await store.find_keys(
        tx, [row.sku for row in rows if row.sku], [row.external_key for row in rows if row.external_key]
    )
    new: list[int] = []
    for index, row in enumerate(rows):
        if (row.sku is None or row.sku not in skus) and (row.external_key is None or row.external_key not in keys):
            new.append(index)
        if row.sku is not None:
            skus.add(row.sku)
        if row.external_key is not None:
            keys.add(row.external_key)
    return new


async def _create(
    tx: Transaction, rows: Sequence[ImportedProduct], categories: Categories, actor: UUID | None
) -> list[ImportResult]:
    if not rows:
        return []
    fields = [ProductFields(**{"category_id": None} | _values(row, categories)) for row in rows]
    products = await create_products(tx, fields)
    units = {product.id: row.stock for product, row in zip(products, rows, strict=True)}
    await receive_first_stock(tx, units, note="import", actor=actor)
    return [ImportResult(product.id, "created") for product in products]


async def _import_product(
    tx: Transaction, row: ImportedProduct, categories: Categories, actor: UUID | None
) -> ImportResult:
    product_id = await store.find_product(tx, row.sku, row.external_key)
    if product_id is None:
        [created] = await _create(tx, [row], categories, actor)
        return created
    is_changed = await change_product(tx, product_id, _values(row, categories))
    return ImportResult(product_id, "updated" if is_changed else "unchanged")


def _values(row: ImportedProduct, categories: Categories) -> dict[str, Any]:
    keys = {name: key for name, key in (("sku", row.sku), ("external_key", row.external_key)) if key is not None}
    return row.values | ({"category_id": categories[row.category]} if row.category else {}) | keys


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
