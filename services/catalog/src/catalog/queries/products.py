"""Products as JSON. PostgreSQL renders them: a list of twenty costs this process one row and no objects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

Ordering = Literal["price", "-price", "title", "-title", "created_at", "-created_at"]

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
JOINED = "FROM product p JOIN stock s ON s.product_id = p.id LEFT JOIN category c ON c.id = p.category_id"

ORDERINGS: dict[Ordering, str] = {
    "price": "p.final_amount, p.id",
    "-price": "p.final_amount DESC, p.id DESC",
    "title": "p.title, p.id",
    "-title": "p.title DESC, p.id DESC",
    "created_at": "p.created_at, p.id",
    "-created_at": "p.created_at DESC, p.id DESC",
}

# Every word of the search must begin a word of the product. The text form of a tsquery quotes its words, so that
# marking each as a prefix cannot be fooled by what was typed.
TSQUERY = "(replace(nullif(plainto_tsquery('simple', {0})::text, ''), ''' & ''', ''':* & ''') || ':*')::tsquery"
IN_BRANCH = """
p.category_id IN (SELECT below.id FROM category top JOIN category below ON below.lineage @> ARRAY[top.id]
                  WHERE top.{0} = {1})
"""


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """What to list; None does not ask. Prices are final prices in minor units, `category` an id or a slug."""

    category: UUID | str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    is_featured: bool | None = None
    search: str | None = None
    include_inactive: bool = False


class Listing(NamedTuple):
    total: int
    data: str
    """A JSON array."""


class Document(NamedTuple):
    is_active: bool
    data: str
    """A JSON object."""


Place = Callable[[object], str]
"""Adds a value to the arguments and answers its `$n`."""


async def list_products(
    sql: asyncpg.Connection, wanted: ProductFilter, ordering: Ordering | None, limit: int, offset: int
) -> Listing:
    """A page of products and how many there are in all, by one statement."""
    arguments: list[object] = []

    def place(value: object) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    where = _conditions(wanted, place)
    order = ORDERINGS[ordering] if ordering else _by_relevance(wanted, place)
    statement = f"""
    SELECT (SELECT count(*) FROM product p JOIN stock s ON s.product_id = p.id WHERE {where}) AS total,
           (SELECT coalesce(json_agg(page), '[]')::text FROM (
               SELECT {SHAPE} {JOINED} WHERE {where} ORDER BY {order} LIMIT {place(limit)} OFFSET {place(offset)}
           ) page) AS data
    """  # noqa: S608  (only constants of this module and $n are put in)
    return Listing(*await sql.fetchrow(statement, *arguments))


async def find_product(sql: asyncpg.Connection, key: UUID | str) -> Document | None:
    """The product with that id or slug, active or not; None when it does not exist or is deleted."""
    column = "id" if isinstance(key, UUID) else "slug"
    statement = f"""
    SELECT d.is_active, row_to_json(d)::text
    FROM (SELECT {SHAPE} {JOINED} WHERE p.{column} = $1 AND p.deleted_at IS NULL) d
    """  # noqa: S608  (only constants of this module are put in)
    row = await sql.fetchrow(statement, key)
    return Document(*row) if row else None


def _conditions(wanted: ProductFilter, place: Place) -> str:
    conditions = ["p.deleted_at IS NULL"]
    if not wanted.include_inactive:
        conditions.append("p.is_active")
    if wanted.category is not None:
        column = "id" if isinstance(wanted.category, UUID) else "slug"
        conditions.append(IN_BRANCH.format(column, place(wanted.category)))
    if wanted.min_price is not None:
        conditions.append(f"p.final_amount >= {place(wanted.min_price)}")
    if wanted.max_price is not None:
        conditions.append(f"p.final_amount <= {place(wanted.max_price)}")
    if wanted.in_stock is not None:
        conditions.append(f"(s.available > 0) = {place(wanted.in_stock)}")
    if wanted.is_featured is not None:
        conditions.append(f"p.is_featured = {place(wanted.is_featured)}")
    if wanted.search:
        conditions.append(f"p.search @@ {TSQUERY.format(place(wanted.search))}")
    return " AND ".join(conditions)


def _by_relevance(wanted: ProductFilter, place: Place) -> str:
    """Best match first when something is searched, else the newest."""
    if not wanted.search:
        return ORDERINGS["-created_at"]
    return f"ts_rank(p.search, {TSQUERY.format(place(wanted.search))}) DESC, {ORDERINGS['-created_at']}"
