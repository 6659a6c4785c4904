"""Add a category to the tree."""

from catalog.domain.offers import Shelving
from catalog.tables import Category
from catalog.usecases import category_facts
from catalog.usecases.naming import free_slug, refusing_conflicts
from catalog.usecases.place_category import lineage_under
from common.ids import new_id
from common.persistence.transaction import Transaction


async def create_category(tx: Transaction, new: Shelving) -> Category:
    """The new category. Publishes CategoryCreated.

    Raises Invalid for an unknown parent or too deep a place, Conflict for a taken slug.
    """
    category_id = new_id()
    category = Category(
        id=category_id,
        parent_id=new.parent_id,
        lineage=[*await lineage_under(tx, new.parent_id), category_id],
        name=new.name,
        slug=new.slug or await free_slug(tx, "category", new.name, category_id),
        banner_url=new.banner_url,
        is_active=new.is_active,
        is_featured=new.is_featured,
    )
    tx.add(category)
    with refusing_conflicts():
        await tx.flush()
    tx.publish(category_facts.created(category))
    return category
