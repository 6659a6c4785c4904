"""Events of catalog."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event
from common.money import Money


class Offer(BaseModel):
    """A product as it is sold; `final_price` is after the discount."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID
    title: str
    sku: str | None = None
    price: Money
    discount_percent: int = 0
    final_price: Money
    is_active: bool = True


class ProductCreated(Offer, Event):
    """A product is on offer (or prepared, when not active)."""

    type: ClassVar[str] = "catalog.product.created.v1"
    subject_field: ClassVar[str] = "product_id"


class ProductChanged(Offer, Event):
    """The product's whole new state."""

    type: ClassVar[str] = "catalog.product.changed.v1"
    subject_field: ClassVar[str] = "product_id"


class ProductDeleted(Event):
    """The product is no longer on offer; orders that hold it are unaffected."""

    type: ClassVar[str] = "catalog.product.deleted.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID


class ProductImagesChanged(Event):
    """The product shows other images than before."""

    type: ClassVar[str] = "catalog.product_images.changed.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID


class AvailabilityChanged(Event):
    """The product sold out, or can be sold again."""

    type: ClassVar[str] = "catalog.availability.changed.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID
    in_stock: bool


class Shelving(BaseModel):
    """A category as it is shown."""

    model_config = ConfigDict(frozen=True)

    category_id: UUID
    parent_id: UUID | None = None
    name: str
    slug: str
    is_active: bool = True
    is_featured: bool = False


class CategoryCreated(Shelving, Event):
    """A category stands in the tree."""

    type: ClassVar[str] = "catalog.category.created.v1"
    subject_field: ClassVar[str] = "category_id"


class CategoryChanged(Shelving, Event):
    """The category's whole new state; when it moved, what stands below it moved along."""

    type: ClassVar[str] = "catalog.category.changed.v1"
    subject_field: ClassVar[str] = "category_id"


class CategoryDeleted(Event):
    """The category, which held nothing any more, is gone."""

    type: ClassVar[str] = "catalog.category.deleted.v1"
    subject_field: ClassVar[str] = "category_id"

    category_id: UUID


class StockLine(BaseModel):
    """A quantity of one product."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    product_id: UUID
    quantity: int


class StockReserved(Event):
    """Every line of the order is set aside for it."""

    type: ClassVar[str] = "catalog.stock.reserved.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class StockRejected(Event):
    """Nothing is set aside: `reason` is out_of_stock or unknown_product, `product_ids` the ones that lack."""

    type: ClassVar[str] = "catalog.stock.rejected.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    reason: str
    product_ids: tuple[UUID, ...] = ()


class StockReleased(Event):
    """What was set aside for the order can be sold again."""

    type: ClassVar[str] = "catalog.stock.released.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class StockCommitted(Event):
    """What was set aside for the order is sold."""

    type: ClassVar[str] = "catalog.stock.committed.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    lines: tuple[StockLine, ...]


class ReservationExpired(Event):
    """The order did not end in time. Stock stays set aside until orders gives its verdict."""

    type: ClassVar[str] = "catalog.reservation.expired.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID


class StockLow(Event):
    """What can still be sold fell to or below the product's threshold."""

    type: ClassVar[str] = "catalog.stock.fell_low.v1"
    subject_field: ClassVar[str] = "product_id"

    product_id: UUID
    title: str
    available: int


class MediaProcessed(Event):
    """All variants of an image exist; `variants` maps their names to paths below the API's base."""

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
    """The person has another picture, which can be shown; without `media_id` none any more."""

    type: ClassVar[str] = "catalog.avatar.changed.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    media_id: UUID | None = None


class CatalogDataGathered(DataExportPart, Event):
    """A part of what catalog keeps about a person, for the export that asked."""

    type: ClassVar[str] = "catalog.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
