"""Create, change, move and delete categories."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from catalog.categories import store
from catalog.categories.domain import CategoryFields, check_depth, check_move
from catalog.categories.tables import Category
from catalog.errors import CategoryNotEmpty, CategoryNotFound, UnknownParent
from catalog.slugs import first_free, slugify
from common import clock
from common.contracts.catalog import CategoryChanged, CategoryCreated, CategoryDeleted
from common.ids import new_id
from common.persistence.transaction import Transaction

CategoryEvent = TypeVar("CategoryEvent", CategoryCreated, CategoryChanged)


async def create_category(tx: Transaction, fields: CategoryFields) -> Category:
    """Publishes CategoryCreated. Raises UnknownParent, TreeTooDeep, CategoryNameTaken or SlugTaken."""
    category_id = new_id()
    await store.lock_tree(tx)
    lineage = await _lineage_of(tx, fields.parent_id)
    check_depth(lineage)
    category = Category(
        id=category_id,
        parent_id=fields.parent_id,
        lineage=[*lineage, category_id],
        name=fields.name,
        slug=fields.slug or await _free_slug(tx, fields.name, category_id),
        banner_url=fields.banner_url,
        is_active=fields.is_active,
        is_featured=fields.is_featured,
    )
    await store.save_category(tx, category)
    await _update_sale(tx, category)
    tx.publish(_event(CategoryCreated, category))
    return category


async def change_category(tx: Transaction, category_id: UUID, changes: Mapping[str, Any]) -> Category:
    """Set the given fields. A new `parent_id` moves the whole branch.

    Publishes CategoryChanged, also for each category below that goes on or off sale with this one.
    """
    if changes.keys() & {"parent_id", "is_active"}:
        await store.lock_tree(tx)
    category = await _locked(tx, category_id)
    if "parent_id" in changes and changes["parent_id"] != category.parent_id:
        await _move(tx, category_id, changes["parent_id"])
    for name, value in changes.items():
        setattr(category, name, value)
    category.updated_at = clock.now()
    await store.save_category(tx, category)
    below = await _update_sale(tx, category) if changes.keys() & {"parent_id", "is_active"} else []
    tx.publish(_event(CategoryChanged, category))
    for event in below:
        tx.publish(event)
    return category


async def delete_category(tx: Transaction, category_id: UUID) -> None:
    """Publishes CategoryDeleted. Raises CategoryNotEmpty if it has subcategories or products."""
    category = await _locked(tx, category_id)
    usage = await store.find_usage(tx, category_id)
    if usage.has_children or usage.has_products:
        content = "categories" if usage.has_children else "products"
        raise CategoryNotEmpty(f"There are {content} in this category: move them first")
    await store.delete_category(tx, category)
    tx.publish(CategoryDeleted(category_id=category_id))


async def _locked(tx: Transaction, category_id: UUID) -> Category:
    category = await store.lock_category(tx, category_id)
    if category is None:
        raise CategoryNotFound
    return category


async def _move(tx: Transaction, category_id: UUID, parent_id: UUID | None) -> None:
    """Write the lineages of the branch for another parent or the root. The tree must be locked."""
    lineage = await _lineage_of(tx, parent_id)
    check_move(category_id, await store.branch_depth(tx, category_id), lineage)
    await store.move_branch(tx, category_id, lineage)


async def _update_sale(tx: Transaction, category: Category) -> list[CategoryChanged]:
    """Put the branch on or off sale. The events of the categories below that change with this one."""
    changed = {row.pop("id"): row for row in await store.update_sale(tx, category.id)}
    if (own := changed.pop(category.id, None)) is not None:
        category.on_sale = own["on_sale"]
    return [CategoryChanged(category_id=category_id, **row) for category_id, row in changed.items()]


async def _lineage_of(tx: Transaction, parent_id: UUID | None) -> list[UUID]:
    if parent_id is None:
        return []
    lineage = await store.find_lineage(tx, parent_id)
    if lineage is None:
        raise UnknownParent
    return lineage


async def _free_slug(tx: Transaction, name: str, category_id: UUID) -> str:
    base = slugify(name, fallback="category")
    return first_free(base, await store.lock_slugs(tx, base, category_id))


def _event(event: type[CategoryEvent], category: Category) -> CategoryEvent:
    """An event with the whole state of the category."""
    return event(
        category_id=category.id,
        parent_id=category.parent_id,
        name=category.name,
        slug=category.slug,
        is_active=category.is_active,
        is_featured=category.is_featured,
        on_sale=category.on_sale,
    )
