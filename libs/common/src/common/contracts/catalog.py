"""Events of catalog."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event
from common.money import Money


class ProductFields(BaseModel):
    """A product's state; `final_price` is after the discount. It is not on sale below an inactive category."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID
    title: str
    sku: str | None = None
    price: Money
    discount_percent: int = 0
    final_price: Money
    is_active: bool = True
    category_id: UUID | None = None


class ProductCreated(ProductFields, Event):
    """A product was created; customers see it if it is active."""

    type: ClassVar[str] = "catalog.product.created.v1"
    subject_field: ClassVar[str] = "product_id"


class ProductChanged(ProductFields, Event):
    """The product changed; the event carries the whole new state."""

    type: ClassVar[str] = "catalog.product.changed.v1"
    subject_field: ClassVar[str] = "product_id"


class ProductDeleted(Event):
    """The product was deleted; existing orders are unaffected."""

    type: ClassVar[str] = "catalog.product.deleted.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID


class ProductImagesChanged(Event):
    """The product's images changed."""

    type: ClassVar[str] = "catalog.product_images.changed.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID


class AvailabilityChanged(Event):
    """The product sold out, or is in stock again."""

    type: ClassVar[str] = "catalog.availability.changed.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID
    in_stock: bool


class CategoryFields(BaseModel):
    """A category's state; products of a category that is not `on_sale` cannot be bought."""

    model_config = ConfigDict(frozen=True)

    category_id: UUID
    parent_id: UUID | None = None
    name: str
    slug: str
    is_active: bool = True
    is_featured: bool = False
    on_sale: bool = True


class CategoryCreated(CategoryFields, Event):
    """A category was created."""

    type: ClassVar[str] = "catalog.category.created.v1"
    subject_field: ClassVar[str] = "category_id"


class CategoryChanged(CategoryFields, Event):
    """The category changed; the event carries the whole new state. Its descendants move with it.

    A descendant that goes on or off sale with it has an event of its own.
    """

    type: ClassVar[str] = "catalog.category.changed.v1"
    subject_field: ClassVar[str] = "category_id"


class CategoryDeleted(Event):
    """The category was deleted; it held no products."""

    type: ClassVar[str] = "catalog.category.deleted.v1"
    subject_field: ClassVar[str] = "category_id"

    category_id: UUID


class StockLine(BaseModel):
    """A quantity of one product; `available` is what can still be sold after the event."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    product_id: UUID
    quantity: int
    available: int | None = None


class StockReserved(Event):
    """Stock is reserved for every line of the order."""

    type: ClassVar[str] = "catalog.stock.reserved.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class StockRejected(Event):
    """No stock is reserved: `reason` is out_of_stock or unknown_product, `product_ids` names the products."""

    type: ClassVar[str] = "catalog.stock.rejected.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    reason: str
    product_ids: tuple[UUID, ...] = ()


class StockReleased(Event):
    """The order's reserved stock is available again."""

    type: ClassVar[str] = "catalog.stock.released.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class StockCommitted(Event):
    """The order's reserved stock is sold."""

    type: ClassVar[str] = "catalog.stock.committed.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class ReservationExpired(Event):
    """The order's reservation passed its expiry. The stock stays reserved until orders confirms or cancels."""

    type: ClassVar[str] = "catalog.reservation.expired.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID


class StockAdjusted(Event):
    """Staff or an import changed the stock by `delta`; `available` is what can be sold now."""

    type: ClassVar[str] = "catalog.stock.adjusted.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID
    delta: int
    available: int


class StockLow(Event):
    """The available stock fell to or below the product's threshold."""

    type: ClassVar[str] = "catalog.stock.fell_low.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID
    title: str
    available: int


class MediaProcessed(Event):
    """All variants of an image are ready; `variants` maps their names to paths below the API's base."""

    type: ClassVar[str] = "catalog.media.processed.v1"
    subject_field: ClassVar[str] = "media_id"

    media_id: UUID
    owner_id: UUID | None = None
    width: int
    height: int
    variants: dict[str, str]


class MediaRejected(Event):
    """The uploaded file cannot be used; `reason` says why."""

    type: ClassVar[str] = "catalog.media.rejected.v1"
    subject_field: ClassVar[str] = "media_id"

    media_id: UUID
    owner_id: UUID | None = None
    reason: str


class AvatarChanged(Event):
    """The user has a new avatar; without `media_id` it was removed."""

    type: ClassVar[str] = "catalog.avatar.changed.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    media_id: UUID | None = None


class CatalogDataGathered(DataExportPart, Event):
    """A part of the personal data that catalog stores about a user, for a data export."""

    type: ClassVar[str] = "catalog.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
