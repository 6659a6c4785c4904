"""Events of orders; the checkout saga is made of them."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event
from common.money import Money


class OrderLine(BaseModel):
    """One line of an order with the price that the customer saw.

    `list_price` is the price of a unit before its discount, null without one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    product_id: UUID
    title: str
    quantity: int
    unit_price: Money
    list_price: Money | None = None


class OrderPlaced(Event):
    """A customer placed an order at fixed prices. Catalog responds with StockReserved or StockRejected."""

    type: ClassVar[str] = "orders.order.placed.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID
    lines: tuple[OrderLine, ...]
    total: Money
    provider: str


class PaymentRequested(Event):
    """Stock is reserved and payment is due. `payment_method` is the provider's reference, never card data."""

    type: ClassVar[str] = "orders.payment.requested.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Money
    provider: str
    payment_method: str | None = None


class OrderConfirmed(Event):
    """The order is paid and its stock is reserved."""

    type: ClassVar[str] = "orders.order.confirmed.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID
    payment_id: UUID
    lines: tuple[OrderLine, ...]
    total: Money


class OrderCancelled(Event):
    """The order ended without a sale. Catalog releases its stock, billing refunds what was captured."""

    type: ClassVar[str] = "orders.order.cancelled.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID
    reason: str
    lines: tuple[OrderLine, ...]
    total: Money


class OrderShipped(Event):
    """The order was shipped."""

    type: ClassVar[str] = "orders.order.shipped.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID
    carrier: str | None = None
    tracking_number: str | None = None


class OrderDelivered(Event):
    """The order was delivered."""

    type: ClassVar[str] = "orders.order.delivered.v1"
    subject_field: ClassVar[str] = "order_id"

    order_id: UUID
    number: str
    customer_id: UUID


class OrdersDataGathered(DataExportPart, Event):
    """A part of the personal data that orders stores about a user, for a data export."""

    type: ClassVar[str] = "orders.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
