"""Request and response bodies of products."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from pydantic.config import JsonDict

from catalog.fields import (
    Brand,
    BrandText,
    CategoryNameText,
    Change,
    ImageUrl,
    Sku,
    Slug,
    Title,
    VariantUrls,
)
from catalog.products.domain import MAX_PRICE_AMOUNT
from common.money import Currency, Money
from common.web import fields
from common.web.fields import WHOLE
from common.web.text import NFC, nfc

DescriptionText = Annotated[str, Field(examples=["Woven from sisal in Ukerewe, 30 cm across."])]
Description = Annotated[DescriptionText, Field(max_length=20_000), NFC]
Percent = Annotated[int, Field(examples=[10])]
Discount = Annotated[Percent, Field(ge=0, le=100), WHOLE]
AttributeName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), NFC]
AttributeExamples = Field(examples=[{"material": "sisal", "diameter_cm": 30}])
AttributeText = Annotated[str, Field(max_length=5000)]
AttributeValue = AttributeText | int | float | bool | Annotated[list[AttributeText], Field(max_length=100)]


def _in_one_form(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Not a type of the value itself: its errors would name this validator among the kinds of values."""
    return {name: _value_in_one_form(value) for name, value in attributes.items()}


def _value_in_one_form(value: AttributeValue) -> AttributeValue:
    if isinstance(value, list):
        return [nfc(text) for text in value]
    return nfc(value) if isinstance(value, str) else value


Attributes = Annotated[
    dict[AttributeName, AttributeValue], Field(max_length=100), AttributeExamples, AfterValidator(_in_one_form)
]


class CategoryRef(BaseModel):
    id: UUID
    name: CategoryNameText
    slug: fields.Slug


class ImageView(BaseModel):
    """Paths below the API's base; `variants` has thumb, medium and large."""

    id: UUID
    url: ImageUrl
    variants: VariantUrls


class ProductView(BaseModel):
    id: UUID
    title: fields.Title
    slug: fields.Slug
    sku: fields.Sku | None
    description: DescriptionText
    brand: BrandText | None
    attributes: Annotated[dict[str, Any], AttributeExamples]
    category_id: UUID | None
    category: CategoryRef | None
    price: Money
    discount_percent: Percent
    final_price: Money
    in_stock: bool
    images: list[ImageView]
    is_active: bool
    is_featured: bool
    created_at: datetime
    updated_at: datetime


class Price(BaseModel):
    """Minor units; without a currency, the currency of the installation."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, Field(ge=0, le=MAX_PRICE_AMOUNT, examples=[250_000]), WHOLE]
    currency: Currency | None = None

    def money(self, default: str) -> Money:
        return Money(amount=self.amount, currency=self.currency or default)


NEW_PRODUCT: JsonDict = {
    "title": "Woven basket",
    "category_id": "019c1b70-2c00-7f10-9e8d-6b5a4c3d2e10",
    "price": {"amount": 250_000, "currency": "TZS"},
    "discount_percent": 10,
    "sku": "KIK-014",
    "description": "Woven from sisal in Ukerewe, 30 cm across.",
}


class NewProduct(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [NEW_PRODUCT]})

    title: Title
    category_id: UUID
    price: Price
    discount_percent: Discount = 0
    slug: Slug | None = None
    sku: Sku | None = None
    description: Description = ""
    brand: Brand | None = None
    attributes: Attributes = Field(default_factory=dict)
    is_active: StrictBool = True
    is_featured: StrictBool = False

    def values(self, currency: str) -> dict[str, Any]:
        """The fields, with the price as Money."""
        return self.model_dump(exclude={"price"}) | {"price": self.price.money(currency)}


class ProductChange(Change):
    """Only the given fields change. `sku` and `brand` accept null."""

    clearable = frozenset({"sku", "brand"})

    title: Title | None = None
    category_id: UUID | None = None
    price: Price | None = None
    discount_percent: Discount | None = None
    slug: Slug | None = None
    sku: Sku | None = None
    description: Description | None = None
    brand: Brand | None = None
    attributes: Attributes | None = None
    is_active: StrictBool | None = None
    is_featured: StrictBool | None = None

    def values(self, currency: str) -> dict[str, Any]:
        """The given fields, with the price as Money."""
        given = self.model_dump(exclude_unset=True, exclude={"price"})
        return given | ({"price": self.price.money(currency)} if self.price else {})
