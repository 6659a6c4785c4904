"""Orders and their timelines in responses."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from common.money import Money
from common.web.fields import (
    AddressLine,
    City,
    Count,
    EventType,
    Note,
    OrderNumber,
    PersonName,
    Phone,
    PostalCode,
    ProviderName,
    Region,
    RequestId,
    Title,
    Url,
)
from orders.orders.domain.payment import PaymentStatus
from orders.orders.domain.saga import Status
from orders.orders.store.reads import StoredOrder
from orders.orders.tables import OrderStep

CancellationReason = Annotated[str, Field(description="of a cancelled order", examples=["out_of_stock"])]
ActionType = Annotated[str, Field(examples=["redirect"])]
Country = Annotated[str, Field(examples=["TZ"])]
ActorName = Annotated[str, Field(examples=["customer:019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"])]
Detail = Annotated[str, Field(examples=["card_declined: No funds"])]


class LineView(BaseModel):
    """`unit_price` is what a unit costs, `list_price` what it would cost without a discount.

    `discount` is what is off in this line, `line_total` what it costs.
    """

    product_id: UUID
    title: Title
    quantity: Count
    list_price: Money
    unit_price: Money
    discount: Money
    line_total: Money


class ActionView(BaseModel):
    """What the customer must do to pay: `type` is redirect, qr or sandbox."""

    type: ActionType
    url: Url | None = None


class PaymentView(BaseModel):
    """`id` is billing's, null before billing has answered."""

    id: UUID | None
    provider: ProviderName
    status: PaymentStatus
    action: ActionView | None = None


class AddressSnapshot(BaseModel):
    id: UUID
    name: PersonName
    line1: AddressLine
    line2: Annotated[str, Field(examples=["Flat 3"])]
    city: City
    region: Region
    postal_code: PostalCode
    country: Country
    phone: Phone


class OrderView(BaseModel):
    """`subtotal` is the sum of the list prices; without the `discount`, which is the sum of the items', it is `total`,
    the sum of their line totals.
    """

    id: UUID
    number: OrderNumber
    user_id: UUID
    status: Status
    status_reason: CancellationReason | None
    items: list[LineView]
    subtotal: Money
    discount: Money
    total: Money
    payment: PaymentView
    address: AddressSnapshot | None
    note: Note | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: StoredOrder) -> Self:
        return cls.model_validate(
            {
                "id": order.id,
                "number": order.number,
                "user_id": order.user_id,
                "status": order.status,
                "status_reason": order.status_reason,
                "items": [_line(line) for line in order.lines],
                "subtotal": _money(order.subtotal, order.currency),
                "discount": _money(order.subtotal - order.total, order.currency),
                "total": _money(order.total, order.currency),
                "payment": _payment(order),
                "address": order.address,
                "note": order.note,
                "created_at": order.created_at,
                "updated_at": order.updated_at,
            }
        )


class StepView(BaseModel):
    """The status of the order after `event`; `cause` is the id of the event, or of the request, that led to it."""

    at: datetime
    status: Status
    event: EventType
    cause: RequestId | None
    actor: ActorName
    detail: Detail

    @classmethod
    def of(cls, step: OrderStep) -> Self:
        return cls.model_validate(step, from_attributes=True)


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    price, quantity = line["unit_price"], line["quantity"]
    list_price = line.get("list_price") or price
    return line | {
        "list_price": list_price,
        "discount": _money((list_price["amount"] - price["amount"]) * quantity, price["currency"]),
        "line_total": _money(price["amount"] * quantity, price["currency"]),
    }


def _payment(order: StoredOrder) -> dict[str, Any]:
    return {
        "id": order.payment_id,
        "provider": order.provider,
        "status": order.payment_status,
        "action": order.payment_action,
    }
