"""Products by key, as JSON that PostgreSQL renders, and writes."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from catalog.constraints import constraint_errors
from catalog.errors import ExternalKeyTaken, SkuTaken, SlugTaken, UnknownCategory
from catalog.products.tables import Product
from common.persistence.batch_loader import BatchLoader
from common.persistence.reader import Reader
from common.persistence.transaction import Transaction

SHAPE = """
p.id, p.title, p.slug, p.sku, p.description, p.brand, p.attributes, p.category_id,
CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'name', c.name, 'slug', c.slug) END AS category,
json_build_object('amount', p.price_amount, 'currency', p.currency) AS price, p.discount_percent,
json_build_object('amount', p.final_amount, 'currency', p.currency) AS final_price,
s.available > 0 AS in_stock,
p.images,
p.is_active, p.is_featured,
to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
"""
JOINS = "JOIN stock s ON s.product_id = p.id LEFT JOIN category c ON c.id = p.category_id"

FIND = f"""
SELECT p.{{0}}, p.is_active AND coalesce(c.on_sale, true), (SELECT row_to_json(d)::text FROM (SELECT {SHAPE}) d)
FROM product p {JOINS} WHERE p.{{0}} = ANY($1) AND p.deleted_at IS NULL
"""  # noqa: S608  (only constants of this module are put in)
BY_ID, BY_SLUG = FIND.format("id"), FIND.format("slug")

LOCK_SLUGS = """
SELECT pg_advisory_xact_lock(hashtextextended('product:' || base, 0)) FROM unnest($1::text[]) AS base
"""
TAKEN_SLUGS = "SELECT slug FROM product WHERE slug = ANY($1) AND deleted_at IS NULL"
LOCK_SLUG = "SELECT pg_advisory_xact_lock(hashtextextended('product:' || $1, 0))"
SIMILAR_SLUGS = "SELECT slug FROM product WHERE slug ~ $1 AND id <> $2 AND deleted_at IS NULL"
CONSTRAINTS = {
    "product_category": UnknownCategory,
    "product_slug_once": SlugTaken,
    "product_sku_once": SkuTaken,
    "product_external_key_once": ExternalKeyTaken,
}

Key = TypeVar("Key", UUID, str)


class ProductDocument(NamedTuple):
    """`on_sale`: the product, its category and all categories above it are active. `data` is a JSON object."""

    on_sale: bool
    data: str


async def find_products(sql: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, ProductDocument]:
    """The products with these ids, or with these slugs, on sale or not; without deleted ones."""
    statement = BY_ID if isinstance(keys[0], UUID) else BY_SLUG
    return {key: ProductDocument(on_sale, data) for key, on_sale, data in await sql.fetch(statement, keys)}


async def find_product(sql: asyncpg.Connection, product_id: UUID) -> ProductDocument | None:
    """The product, on sale or not; None if it does not exist or is deleted."""
    return (await find_products(sql, [product_id])).get(product_id)


class ProductLoader:
    """Products by id or slug: concurrent look-ups share one statement (BatchLoader)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._by_id: BatchLoader[UUID, ProductDocument] = BatchLoader(self._find_by_id)
        self._by_slug: BatchLoader[str, ProductDocument] = BatchLoader(self._find_by_slug)

    async def find(self, key: UUID | str) -> ProductDocument | None:
        return await (self._by_id.get(key) if isinstance(key, UUID) else self._by_slug.get(key))

    async def _find_by_id(self, keys: list[UUID]) -> dict[UUID, ProductDocument]:
        async with self._reader.read() as sql:
            return await find_products(sql, keys)

    async def _find_by_slug(self, keys: list[str]) -> dict[str, ProductDocument]:
        async with self._reader.read() as sql:
            return await find_products(sql, keys)


async def lock_product(tx: Transaction, product_id: UUID) -> Product | None:
    """None if it does not exist or is deleted."""
    product = await tx.session.get(Product, product_id, with_for_update=True)
    return product if product is not None and product.deleted_at is None else None


async def save_product(tx: Transaction, *products: Product) -> None:
    """Insert or update. Raises UnknownCategory, SlugTaken, SkuTaken or ExternalKeyTaken."""
    for product in products:
        tx.add(product)
    with constraint_errors(CONSTRAINTS):
        await tx.flush()


async def lock_bases(tx: Transaction, bases: Collection[str]) -> set[str]:
    """The slugs among `bases` that products have. Locks each as `lock_slugs` does, in an order that cannot deadlock."""
    await tx.sql.execute(LOCK_SLUGS, sorted(bases))
    return {row["slug"] for row in await tx.sql.fetch(TAKEN_SLUGS, list(bases))}


async def lock_slugs(tx: Transaction, base: str, product_id: UUID) -> set[str]:
    """`base` and its numbered variants as far as other products have them.

    A transaction that needs the same base at the same time waits for this one.
    """
    await tx.sql.execute(LOCK_SLUG, base)
    rows = await tx.sql.fetch(SIMILAR_SLUGS, f"^{re.escape(base)}(-[0-9]+)?$", product_id)
    return {row["slug"] for row in rows}
