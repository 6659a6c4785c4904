"""Products as JSON. PostgreSQL renders them: a list of twenty costs this process one row and no objects."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from catalog.queries.product_filter import Ordering, ProductFilter, Selection, selection_of

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
BESIDE = "JOIN stock s ON s.product_id = p.id LEFT JOIN category c ON c.id = p.category_id"

FIND = f"""
SELECT d.{{0}}, d.is_active, row_to_json(d)::text
FROM (SELECT {SHAPE} FROM product p {BESIDE} WHERE p.{{0}} = ANY($1) AND p.deleted_at IS NULL) d
"""  # noqa: S608  (only constants of this module are put in)
BY_ID, BY_SLUG = FIND.format("id"), FIND.format("slug")

BRANCH = """
SELECT below.id FROM category top JOIN category below ON below.lineage @> ARRAY[top.id] WHERE top.{} = $1
"""

Key = TypeVar("Key", UUID, str)


class Listing(NamedTuple):
    total: int
    data: str
    """A JSON array."""


class Document(NamedTuple):
    is_active: bool
    data: str
    """A JSON object."""


async def list_products(
    sql: asyncpg.Connection, wanted: ProductFilter, ordering: Ordering | None, limit: int, offset: int
) -> Listing:
    """A page of products and how many there are in all."""
    branch = await _branch(sql, wanted.category) if wanted.category is not None else None
    chosen = selection_of(wanted, branch, ordering)
    rows, data = await sql.fetchrow(_page(chosen, limit, offset), *chosen.values)
    # A page that is not full is the last: its end is the total.
    if rows < limit and (rows or not offset):
        return Listing(offset + rows, data)
    count = f"SELECT count(*) FROM product p WHERE {chosen.where}"  # noqa: S608
    return Listing(await sql.fetchval(count, *chosen.values), data)


async def find_products(sql: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Document]:
    """The products with these ids, or these slugs, active or not; those deleted are left out."""
    statement = BY_ID if isinstance(keys[0], UUID) else BY_SLUG
    return {key: Document(is_active, data) for key, is_active, data in await sql.fetch(statement, keys)}


async def find_product(sql: asyncpg.Connection, product_id: UUID) -> Document | None:
    """The product, active or not; None when it does not exist or is deleted."""
    return (await find_products(sql, [product_id])).get(product_id)


def _page(chosen: Selection, limit: int, offset: int) -> str:
    """Chooses from the product table alone and looks beside only for what is on the page.

    Limit and offset are written out: as parameters they would have the statement planned anew each time (0.3 ms).
    """
    rows, order = chosen.rows(limit, offset)
    return f"""
    SELECT count(*), coalesce(json_agg(page), '[]')::text
    FROM (SELECT {SHAPE} FROM ({rows}) p {BESIDE} ORDER BY {order}) page
    """  # noqa: S608  (only constants of this module, $n and whole numbers are put in)


async def _branch(sql: asyncpg.Connection, category: UUID | str) -> list[UUID]:
    """The ids of a category and of all below it."""
    column = "id" if isinstance(category, UUID) else "slug"
    return [row["id"] for row in await sql.fetch(BRANCH.format(column), category)]
