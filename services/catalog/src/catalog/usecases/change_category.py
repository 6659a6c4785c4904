"""Change a category, or take it out of the tree."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from catalog.tables import Category
from catalog.usecases import category_facts
from catalog.usecases.naming import refusing_conflicts
from catalog.usecases.place_category import lock_tree, move_category
from common import clock
from common.contracts.catalog import CategoryDeleted
from common.errors import Conflict, NotFound
from common.persistence.transaction import Transaction

IN_USE = """
SELECT EXISTS (SELECT FROM category WHERE parent_id = $1) AS has_children,
       EXISTS (SELECT FROM product WHERE category_id = $1 AND deleted_at IS NULL) AS has_products
"""


async def change_category(tx: Transaction, category_id: UUID, changes: Mapping[str, Any]) -> Category:
    """Set the fields given. A new `parent_id` moves the whole branch. Publishes CategoryChanged."""
    if "parent_id" in changes:
        await lock_tree(tx)
    category = await _locked(tx, category_id)
    if "parent_id" in changes and changes["parent_id"] != category.parent_id:
        await move_category(tx, category, changes["parent_id"])
    for name, value in changes.items():
        setattr(category, name, value)
    category.updated_at = clock.now()
    with refusing_conflicts():
        await tx.flush()
    tx.publish(category_facts.changed(category))
    return category


async def delete_category(tx: Transaction, category_id: UUID) -> None:
    """Publishes CategoryDeleted. Raises Conflict while it has children or products; deleted products forget it."""
    category = await _locked(tx, category_id)
    used = await tx.sql.fetchrow(IN_USE, category_id)
    if used["has_children"] or used["has_products"]:
        what = "categories" if used["has_children"] else "products"
        raise Conflict(f"There are {what} in this category: move them first", code="category_not_empty")
    await tx.session.delete(category)
    await tx.flush()
    tx.publish(CategoryDeleted(category_id=category_id))


async def _locked(tx: Transaction, category_id: UUID) -> Category:
    category = await tx.session.get(Category, category_id, with_for_update=True)
    if category is None:
        raise NotFound("There is no such category")
    return category
