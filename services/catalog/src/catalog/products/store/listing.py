"""The product list: filters, search, order and pages. A list of twenty is one row and no Python object per product."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import asyncpg

from catalog.errors import UnknownCategoryFilter
from catalog.products.store.products import JOINS, SHAPE
from common.web.listing import Sorting

SORTING = Sorting({"price": "p.final_amount", "title": "p.title", "created_at": "p.created_at"}, tie="p.id")
NEWEST_FIRST = SORTING.order_by("-created_at")

MAX_RANKED = 1000
"""How many matches of a search, the newest ones, are ordered by relevance; the older ones follow by age. Without the
limit, a word that half of the products contain would have half of the products ranked for each page."""

# Every word of the search must be the beginning of a word of the product. The text form of a tsquery quotes its words,
# so that input cannot break out of the prefix markers.
TSQUERY = (
    "(replace(nullif(plainto_tsquery('simple', search_text({0}))::text, ''), ''' & ''', ''':* & ''') || ':*')::tsquery"
)
IN_STOCK = "EXISTS (SELECT FROM stock s WHERE s.product_id = p.id AND s.available > 0)"
# Asked first, because nearly always there is none: as a subquery it tripled the time of a list of 100,000 products,
# because the count then needs the table besides the index.
OFF_SALE = "SELECT id FROM category WHERE NOT on_sale"
CATEGORY_BRANCH = """
SELECT below.id FROM category top JOIN category below ON below.lineage @> ARRAY[top.id] WHERE top.{} = $1
"""


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """None means no filter. Prices are final prices in minor units, `category` is an id or a slug."""

    category: UUID | str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    is_featured: bool | None = None
    search: str | None = None
    include_inactive: bool = False


class ProductPage(NamedTuple):
    total: int
    data: str
    """A JSON array."""


@dataclass(slots=True)
class _Query:
    """Conditions on `product p` with the values of $1, $2, …, and an order; `rank` is the relevance in a search."""

    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    order: str = NEWEST_FIRST
    rank: str | None = None

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions)

    def bind(self, value: object) -> str:
        """Add a value; returns its `$n`."""
        self.values.append(value)
        return f"${len(self.values)}"

    def page(self, limit: int, offset: int) -> tuple[str, str]:
        """The statement that selects the products of one page, and their order."""
        # Only constants of this module, $n and whole numbers are put in.
        max_ranked = MAX_RANKED // limit * limit
        if self.rank is None or offset >= max_ranked:
            source, order = f"product p WHERE {self.where}", self.order
        else:
            newest = f"SELECT p.* FROM product p WHERE {self.where} ORDER BY {NEWEST_FIRST} LIMIT {max_ranked}"  # noqa: S608
            source, order = f"({newest}) p", f"{self.rank} DESC, {NEWEST_FIRST}"
        return f"SELECT p.* FROM {source} ORDER BY {order} LIMIT {limit} OFFSET {offset}", order  # noqa: S608


async def list_products(
    sql: asyncpg.Connection, filters: ProductFilter, ordering: str | None, limit: int, offset: int
) -> ProductPage:
    """A page of products and the total. Raises UnknownCategoryFilter."""
    branch = await _category_branch(sql, filters.category) if filters.category is not None else None
    off_sale = [] if filters.include_inactive else [row["id"] for row in await sql.fetch(OFF_SALE)]
    query = _query(filters, branch, off_sale, ordering)
    count, data = await sql.fetchrow(_statement(query, limit, offset), *query.values)
    # A page that is not full is the last one: its end is the total.
    if count < limit and (count or not offset):
        return ProductPage(offset + count, data)
    total = f"SELECT count(*) FROM product p WHERE {query.where}"  # noqa: S608
    return ProductPage(await sql.fetchval(total, *query.values), data)


def _statement(query: _Query, limit: int, offset: int) -> str:
    """Selects from the product table alone, and joins only the rows of the page.

    Limit and offset are literals: as parameters they would make PostgreSQL plan each execution anew (0.3 ms).
    """
    rows, order = query.page(limit, offset)
    return f"""
    SELECT count(*), coalesce(json_agg(page), '[]')::text
    FROM (SELECT {SHAPE} FROM ({rows}) p {JOINS} ORDER BY {order}) page
    """  # noqa: S608  (only constants of this module, $n and whole numbers are put in)


def _query(
    filters: ProductFilter, branch: Sequence[UUID] | None, off_sale: Sequence[UUID], ordering: str | None
) -> _Query:
    """`branch` has the ids of the category and of all categories below it, `off_sale` those that are left out."""
    query = _Query(["p.deleted_at IS NULL"])
    if not filters.include_inactive:
        query.conditions.append("p.is_active")
    if branch is not None:
        query.conditions.append(_in("p.category_id", [each for each in branch if each not in off_sale], query))
    elif off_sale:
        query.conditions.append(f"(p.category_id IS NULL OR p.category_id <> ALL({query.bind(list(off_sale))}))")
    if filters.min_price is not None:
        query.conditions.append(f"p.final_amount >= {query.bind(filters.min_price)}")
    if filters.max_price is not None:
        query.conditions.append(f"p.final_amount <= {query.bind(filters.max_price)}")
    if filters.in_stock is not None:
        query.conditions.append(IN_STOCK if filters.in_stock else f"NOT {IN_STOCK}")
    if filters.is_featured is not None:
        query.conditions.append("p.is_featured" if filters.is_featured else "NOT p.is_featured")
    if filters.search:
        tsquery = TSQUERY.format(query.bind(filters.search))
        query.conditions.append(f"p.search @@ {tsquery}")
        query.rank = None if ordering else f"ts_rank(p.search, {tsquery})"
    if ordering:
        query.order = SORTING.order_by(ordering)
    return query


def _in(column: str, values: Sequence[UUID], query: _Query) -> str:
    """A single value is compared with `=`: an index then returns its rows in order."""
    if len(values) == 1:
        return f"{column} = {query.bind(values[0])}"
    return f"{column} = ANY({query.bind(list(values))})"


async def _category_branch(sql: asyncpg.Connection, category: UUID | str) -> list[UUID]:
    """The ids of a category and of all categories below it. Raises UnknownCategoryFilter."""
    column = "id" if isinstance(category, UUID) else "slug"
    branch = [row["id"] for row in await sql.fetch(CATEGORY_BRANCH.format(column), category)]
    if not branch:
        raise UnknownCategoryFilter
    return branch
