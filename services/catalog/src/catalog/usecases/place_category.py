"""Where a category stands in the tree."""

from uuid import UUID

from catalog.tables import Category
from common.errors import Invalid
from common.persistence.transaction import Transaction

DEEPEST = 8
# Moves exclude each other: two at once could hang two branches below one another.
TREE_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('category.tree', 0))"
LINEAGE = "SELECT lineage FROM category WHERE id = $1 FOR SHARE"
MOVE = """
UPDATE category SET lineage = $2::uuid[] || lineage[array_position(lineage, $1):], updated_at = now()
WHERE lineage @> ARRAY[$1::uuid]
"""
DEPTH_BELOW = """
SELECT max(cardinality(lineage) - array_position(lineage, $1)) FROM category WHERE lineage @> ARRAY[$1::uuid]
"""


async def lock_tree(tx: Transaction) -> None:
    """Before any row of the tree is locked: afterwards two movers could wait for each other."""
    await tx.sql.execute(TREE_LOCK)


async def lineage_under(tx: Transaction, parent_id: UUID | None) -> list[UUID]:
    """The lineage of the parent. Raises Invalid when it does not exist or stands at the deepest level."""
    if parent_id is None:
        return []
    lineage = await tx.sql.fetchval(LINEAGE, parent_id)
    if lineage is None:
        raise Invalid("There is no such category", code="unknown_category", field="parent_id")
    if len(lineage) >= DEEPEST:
        raise Invalid(f"The tree is at most {DEEPEST} levels deep", code="tree_too_deep", field="parent_id")
    return list(lineage)


async def move_category(tx: Transaction, category: Category, parent_id: UUID | None) -> None:
    """Hang the category, with everything below it, under another parent or at the root; `lock_tree` comes first."""
    above = await lineage_under(tx, parent_id)
    if category.id in above:
        raise Invalid("A category cannot stand below itself", code="category_cycle", field="parent_id")
    if len(above) + 1 + await tx.sql.fetchval(DEPTH_BELOW, category.id) > DEEPEST:
        raise Invalid(f"The tree is at most {DEEPEST} levels deep", code="tree_too_deep", field="parent_id")
    await tx.sql.execute(MOVE, category.id, above)
    category.parent_id = parent_id
