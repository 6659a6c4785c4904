"""The SQL of categories."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from catalog.categories.tables import Category
from catalog.constraints import constraint_errors
from catalog.errors import CategoryNameTaken, SlugTaken, UnknownParent
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting

Row = dict[str, Any]

SHAPE = """
SELECT c.id, c.name, c.slug, c.parent_id, c.banner_url, c.is_active, c.is_featured,
       ARRAY(SELECT a.slug FROM unnest(c.lineage) WITH ORDINALITY AS l (id, level)
             JOIN category a USING (id) ORDER BY l.level) AS path
FROM category c
"""
LIST = f"""
{SHAPE} WHERE (c.on_sale OR $1) AND ($2::uuid IS NULL OR c.parent_id = $2)
          AND ($3::boolean IS NULL OR c.is_featured = $3) AND ($4::text IS NULL OR {contains(["c.name"], "$4")})
"""
SORTING = Sorting({"name": "c.name", "created_at": "c.created_at", "updated_at": "c.updated_at"}, tie="c.id")
COUNT = f"SELECT count(*) FROM ({LIST}) listed"  # noqa: S608  (constants of this module)

# Moves exclude each other: two at once could put two branches below one another. So do changes of what is active: a
# category that is added at the same time would not get the flag of its branch.
LOCK_TREE = "SELECT pg_advisory_xact_lock(hashtextextended('category.tree', 0))"
LINEAGE = "SELECT lineage FROM category WHERE id = $1 FOR SHARE"
BRANCH_DEPTH = """
SELECT max(cardinality(lineage) - array_position(lineage, $1)) + 1 FROM category WHERE lineage @> ARRAY[$1::uuid]
"""
MOVE_BRANCH = """
UPDATE category SET lineage = $2::uuid[] || lineage[array_position(lineage, $1):], updated_at = now()
WHERE lineage @> ARRAY[$1::uuid]
"""
# Returns the categories below whose flag changed; the category itself is saved by the caller.
UPDATE_SALE = """
UPDATE category c SET updated_at = now(), on_sale = NOT c.on_sale
WHERE c.lineage @> ARRAY[$1::uuid]
  AND c.on_sale = EXISTS (SELECT FROM category above WHERE above.id = ANY(c.lineage) AND NOT above.is_active)
RETURNING c.id, c.parent_id, c.name, c.slug, c.is_active, c.is_featured, c.on_sale
"""
USAGE = """
SELECT EXISTS (SELECT FROM category WHERE parent_id = $1) AS has_children,
       EXISTS (SELECT FROM product WHERE category_id = $1 AND deleted_at IS NULL) AS has_products
"""
LOCK_SLUG = "SELECT pg_advisory_xact_lock(hashtextextended('category:' || $1, 0))"
SIMILAR_SLUGS = "SELECT slug FROM category WHERE slug ~ $1 AND id <> $2"
CONSTRAINTS = {
    "category_slug_once": SlugTaken,
    "category_name_once": CategoryNameTaken,
    "category_parent": UnknownParent,
}


class Usage(NamedTuple):
    has_children: bool
    has_products: bool


async def list_categories(
    sql: asyncpg.Connection,
    *,
    limit: int,
    offset: int,
    include_inactive: bool = False,
    parent_id: UUID | None = None,
    is_featured: bool | None = None,
    search: str | None = None,
    ordering: str = "name",
) -> tuple[list[Row], int]:
    """A page of categories, and the total."""
    filters = (include_inactive, parent_id, is_featured, search)
    order = SORTING.order_by(ordering)
    rows = await sql.fetch(f"{LIST} ORDER BY {order} LIMIT $5 OFFSET $6", *filters, limit, offset)
    return [dict(row) for row in rows], await sql.fetchval(COUNT, *filters)


async def find_category(sql: asyncpg.Connection, key: UUID | str, *, include_inactive: bool = True) -> Row | None:
    """The category with this id or slug, if it is on sale or inactive ones are included."""
    column = "id" if isinstance(key, UUID) else "slug"
    row = await sql.fetchrow(f"{SHAPE} WHERE c.{column} = $1 AND (c.on_sale OR $2)", key, include_inactive)
    return dict(row) if row else None


async def category_tree(sql: asyncpg.Connection) -> list[Row]:
    """The active categories as nested `children`; the branch of an inactive category is left out with it."""
    rows = [dict(row) for row in await sql.fetch(f"{SHAPE} WHERE c.is_active ORDER BY c.name, c.id")]
    children: defaultdict[UUID | None, list[Row]] = defaultdict(list)
    for row in rows:
        row["children"] = children[row["id"]]
        children[row["parent_id"]].append(row)
    return children[None]


async def lock_tree(tx: Transaction) -> None:
    """Taken before any row of the tree is locked: otherwise two moves could deadlock."""
    await tx.sql.execute(LOCK_TREE)


async def lock_category(tx: Transaction, category_id: UUID) -> Category | None:
    return await tx.session.get(Category, category_id, with_for_update=True)


async def save_category(tx: Transaction, category: Category) -> None:
    """Insert or update. Raises CategoryNameTaken, SlugTaken or UnknownParent."""
    tx.add(category)
    with constraint_errors(CONSTRAINTS):
        await tx.flush()


async def delete_category(tx: Transaction, category: Category) -> None:
    """Products that were deleted lose the category."""
    await tx.session.delete(category)
    await tx.flush()


async def find_usage(tx: Transaction, category_id: UUID) -> Usage:
    return Usage(*await tx.sql.fetchrow(USAGE, category_id))


async def find_lineage(tx: Transaction, category_id: UUID) -> list[UUID] | None:
    """The ids from the root to the category, which stays locked against moves and deletion."""
    lineage = await tx.sql.fetchval(LINEAGE, category_id)
    return None if lineage is None else list(lineage)


async def branch_depth(tx: Transaction, category_id: UUID) -> int:
    """The number of levels of the branch, the category included."""
    return int(await tx.sql.fetchval(BRANCH_DEPTH, category_id))


async def move_branch(tx: Transaction, category_id: UUID, parent_lineage: Sequence[UUID]) -> None:
    await tx.sql.execute(MOVE_BRANCH, category_id, parent_lineage)


async def update_sale(tx: Transaction, category_id: UUID) -> list[Row]:
    """Set `on_sale` of a branch by what is active. The categories whose flag changed; the tree must be locked."""
    return [dict(row) for row in await tx.sql.fetch(UPDATE_SALE, category_id)]


async def lock_slugs(tx: Transaction, base: str, category_id: UUID) -> set[str]:
    """`base` and its numbered variants as far as other categories have them.

    A transaction that needs the same base at the same time waits for this one.
    """
    await tx.sql.execute(LOCK_SLUG, base)
    rows = await tx.sql.fetch(SIMILAR_SLUGS, f"^{re.escape(base)}(-[0-9]+)?$", category_id)
    return {row["slug"] for row in rows}
