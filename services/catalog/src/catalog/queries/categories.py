"""The category tree, read."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg

Row = dict[str, Any]

SHAPE = """
SELECT c.id, c.name, c.slug, c.parent_id, c.banner_url, c.is_active, c.is_featured,
       ARRAY(SELECT a.slug FROM unnest(c.lineage) WITH ORDINALITY AS l (id, level)
             JOIN category a USING (id) ORDER BY l.level) AS path
FROM category c
"""
LIST = f"""
{SHAPE} WHERE (c.is_active OR $1) AND ($2::uuid IS NULL OR c.parent_id = $2)
          AND ($3::boolean IS NULL OR c.is_featured = $3) AND ($4::text IS NULL OR c.name ILIKE $4)
ORDER BY c.name, c.id
"""
COUNT = f"SELECT count(*) FROM ({LIST}) listed"  # noqa: S608  (constants of this module)


async def list_categories(
    sql: asyncpg.Connection,
    *,
    limit: int,
    offset: int,
    include_inactive: bool = False,
    parent_id: UUID | None = None,
    is_featured: bool | None = None,
    search: str | None = None,
) -> tuple[list[Row], int]:
    """A page of categories by name, and how many there are in all."""
    pattern = f"%{_literal(search)}%" if search else None
    wanted = (include_inactive, parent_id, is_featured, pattern)
    rows = await sql.fetch(f"{LIST} LIMIT $5 OFFSET $6", *wanted, limit, offset)
    return [dict(row) for row in rows], await sql.fetchval(COUNT, *wanted)


async def find_category(sql: asyncpg.Connection, key: UUID | str) -> Row | None:
    """The category with that id or slug."""
    column = "id" if isinstance(key, UUID) else "slug"
    row = await sql.fetchrow(f"{SHAPE} WHERE c.{column} = $1", key)
    return dict(row) if row else None


async def category_tree(sql: asyncpg.Connection) -> list[Row]:
    """The active categories as nested `children`; what stands below an inactive one is left out with it."""
    rows = [dict(row) for row in await sql.fetch(f"{SHAPE} WHERE c.is_active ORDER BY c.name, c.id")]
    children: defaultdict[UUID | None, list[Row]] = defaultdict(list)
    for row in rows:
        row["children"] = children[row["id"]]
        children[row["parent_id"]].append(row)
    return children[None]


def _literal(text: str) -> str:
    r"""Text in which ILIKE's `%`, `_` and `\` mean themselves."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
