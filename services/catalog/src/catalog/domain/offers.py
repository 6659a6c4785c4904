"""What the shop's staff say of a product or a category: complete for a new one, partial for a change."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.money import Money


@dataclass(frozen=True, slots=True)
class Offer:
    """A new product. `external_key` is its name in the system that it was imported from."""

    title: str
    category_id: UUID | None
    price: Money
    discount_percent: int = 0
    slug: str | None = None
    sku: str | None = None
    external_key: str | None = None
    description: str = ""
    brand: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    is_active: bool = True
    is_featured: bool = False


@dataclass(frozen=True, slots=True)
class Shelving:
    """A new category, under `parent_id` or at the root."""

    name: str
    parent_id: UUID | None = None
    slug: str | None = None
    banner_url: str | None = None
    is_active: bool = True
    is_featured: bool = False
