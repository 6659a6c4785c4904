"""How orders are shown."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from common.money import Money
from orders.domain.payment import PaymentStatus
from orders.domain.saga import Status
from orders.tables import OrderRow, OrderStep


class LineView(BaseModel):
    product_id: UUID
    title: str
    quantity: int
    unit_price: Money
    line_total: Money


class ActionView(BaseModel):
    """What the customer must do to pay: `type` is redirect, qr or sandbox."""

    type: str
    url: str | None = None


class PaymentView(BaseModel):
    """`id` is billing's, null until billing has spoken."""

    id: UUID | None
    provider: str
    status: PaymentStatus
    action: ActionView | None = None


class AddressSnapshot(BaseModel):
    id: UUID
    name: Annotated[str, Field(examples=["Neema Mushi"])]
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


class OrderView(BaseModel):
    id: UUID
    number: str
    user_id: UUID
    status: Status
    status_reason: str | None
    items: list[LineView]
    subtotal: Money
    discount: Money
    total: Money
    payment: PaymentView
    address: AddressSnapshot | None
    note: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: OrderRow) -> Self:
        return cls.model_validate(
            {
                "id": row.id,
                "number": row.number,
                "user_id": row.user_id,
                "status": row.status,
                "status_reason": row.status_reason,
                "items": [_line(line) for line in row.lines],
                "subtotal": _money(row.subtotal, row.currency),
                "discount": _money(row.subtotal - row.total, row.currency),
                "total": _money(row.total, row.currency),
                "payment": _payment(row),
                "address": row.address,
                "note": row.note,
                "created_at": row.created_at,
                "updated_at": row.updated_at,
            }
        )


class StepView(BaseModel):
    """The order's state after `event`; `cause` is the id of the event, or of the request, that led to it."""

    at: datetime
    status: Status
    event: str
    cause: str | None
    actor: str
    detail: str

    @classmethod
    def of(cls, step: OrderStep) -> Self:
        return cls.model_validate(step, from_attributes=True)


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    price = line["unit_price"]
    return line | {"line_total": _money(price["amount"] * line["quantity"], price["currency"])}


def _payment(row: OrderRow) -> dict[str, Any]:
    return {
        "id": row.payment_id,
        "provider": row.provider,
        "status": row.payment_status,
        "action": row.payment_action,
    }
