"""A category's events: its whole state, as other contexts may know it."""

from catalog.tables import Category
from common.contracts.catalog import CategoryChanged, CategoryCreated


def created(category: Category) -> CategoryCreated:
    return CategoryCreated(
        category_id=category.id,
        parent_id=category.parent_id,
        name=category.name,
        slug=category.slug,
        is_active=category.is_active,
        is_featured=category.is_featured,
    )


def changed(category: Category) -> CategoryChanged:
    return CategoryChanged.model_validate(created(category).model_dump())
