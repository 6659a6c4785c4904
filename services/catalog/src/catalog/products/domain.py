"""The fields of a new product."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from common.money import Money

MAX_PRICE_AMOUNT = 10**13
"""In minor units."""

RESERVED_SLUGS = frozenset(("import", "imports", "export", "facets", "bulk"))
"""They are paths below /products."""


@dataclass(frozen=True, slots=True)
class ProductFields:
    """A new product. `external_key` is its key in the system that it was imported from."""

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
