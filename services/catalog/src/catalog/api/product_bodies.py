"""What is said and shown of a product."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from catalog.api.inputs import Change, Code, Name, Slug, Title
from common.money import Currency, Money
from common.openapi.example_values import CATEGORY
from common.web.fields import WHOLE

DEAREST = 10**13


class CategoryRef(BaseModel):
    id: UUID
    name: str
    slug: str


class ImageView(BaseModel):
    """Paths below the API's base; `variants` maps thumb, medium and large."""

    id: UUID
    url: str
    variants: dict[str, str]


class ProductView(BaseModel):
    id: UUID
    title: str
    slug: str
    sku: str | None
    description: str
    brand: str | None
    attributes: dict[str, Any]
    category_id: UUID | None
    category: CategoryRef | None
    price: Money
    discount_percent: int
    final_price: Money
    in_stock: bool
    images: list[ImageView]
    is_active: bool
    is_featured: bool
    created_at: datetime
    updated_at: datetime


class Price(BaseModel):
    """Minor units; without a currency it is the shop's."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, Field(ge=0, le=DEAREST), WHOLE]
    currency: Currency | None = None

    def money(self, default: str) -> Money:
        return Money(amount=self.amount, currency=self.currency or default)


Attributes = Annotated[dict[Code, str | int | float | bool | list[str]], Field(max_length=100)]
Description = Annotated[str, Field(max_length=20_000)]
Discount = Annotated[int, Field(ge=0, le=100), WHOLE]


BASKET: JsonDict = {
    "title": "Woven basket",
    "category_id": CATEGORY,
    "price": {"amount": 250_000, "currency": "TZS"},
    "discount_percent": 10,
    "sku": "KIK-014",
    "description": "Woven from sisal in Ukerewe, 30 cm across.",
}


class NewProduct(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [BASKET]})

    title: Title
    category_id: UUID
    price: Price
    discount_percent: Discount = 0
    slug: Slug | None = None
    sku: Code | None = None
    description: Description = ""
    brand: Name | None = None
    attributes: Attributes = Field(default_factory=dict)
    is_active: StrictBool = True
    is_featured: StrictBool = False

    def values(self, currency: str) -> dict[str, Any]:
        """The fields with the price as Money."""
        return self.model_dump(exclude={"price"}) | {"price": self.price.money(currency)}


class ProductChange(Change):
    """Only what is given changes. `sku` and `brand` may be taken away with null."""

    clearable = frozenset({"sku", "brand"})

    title: Title | None = None
    category_id: UUID | None = None
    price: Price | None = None
    discount_percent: Discount | None = None
    slug: Slug | None = None
    sku: Code | None = None
    description: Description | None = None
    brand: Name | None = None
    attributes: Attributes | None = None
    is_active: StrictBool | None = None
    is_featured: StrictBool | None = None

    def values(self, currency: str) -> dict[str, Any]:
        """The fields given, with the price as Money."""
        given = self.model_dump(exclude_unset=True, exclude={"price"})
        return given | ({"price": self.price.money(currency)} if self.price else {})
