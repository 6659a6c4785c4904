"""The rows of this service. Lines and address of an order are snapshots: written once, read whole."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from common.ids import new_id


def _time(*, nullable: bool = False) -> Any:
    return Field(sa_type=DateTime(timezone=True), nullable=nullable)


class OrderRow(SQLModel, table=True):
    """Amounts are minor units of `currency`; `deadline` is set as long as the checkout runs."""

    __tablename__ = "orders"

    id: UUID = Field(primary_key=True)
    number: str
    user_id: UUID
    status: str
    status_reason: str | None = None
    currency: str
    subtotal: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    address: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    note: str | None = None
    provider: str
    payment_method: str | None = None
    payment_id: UUID | None = None
    payment_status: str = "pending"
    payment_action: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    deadline: datetime | None = _time(nullable=True)
    correlation_id: str
    created_at: datetime = _time()
    updated_at: datetime = _time()


class OrderStep(SQLModel, table=True):
    """A line of an order's timeline, never changed."""

    __tablename__ = "order_step"

    id: int | None = Field(None, primary_key=True)
    order_id: UUID
    at: datetime = _time()
    status: str
    event: str
    cause: str | None = None
    actor: str
    detail: str = ""


class Address(SQLModel, table=True):
    """Where a customer wants goods; exactly one of a customer's addresses is the default."""

    __tablename__ = "address"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID
    name: str
    line1: str
    line2: str = ""
    city: str
    region: str = ""
    postal_code: str = ""
    country: str
    phone: str = ""
    is_default: bool = False
