"""Orders and their timelines. Lines and address of an order are snapshots: written once, read whole."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, text
from sqlmodel import Field

from common.persistence.tables import json_column, timestamp
from orders.schema import Table


class OrderRow(Table, table=True):
    """Amounts are minor units of `currency`; `deadline` is set during the checkout.

    Declares the table only: orders are written as `domain.order.Order` and read as `store.reads.StoredOrder`, because
    an instance of a mapped class takes 0.17 ms, a tenth of a checkout.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("orders_of_user", "user_id", "id"),
        Index("orders_due", "deadline", postgresql_where=text("deadline IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    number: str = Field(unique=True)
    user_id: UUID
    status: str
    status_reason: str | None
    currency: str
    subtotal: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    lines: list[dict[str, Any]] = json_column()
    address: dict[str, Any] | None = json_column(nullable=True)
    note: str | None
    provider: str
    payment_method: str | None
    payment_id: UUID | None
    payment_status: str
    payment_action: dict[str, Any] | None = json_column(nullable=True)
    deadline: datetime | None = timestamp(nullable=True)
    correlation_id: str
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()


class OrderCounter(Table, table=True):
    """The last number of a year (UTC). Its row lock puts checkouts in line, so that no number is left out."""

    __tablename__ = "order_counter"

    year: int = Field(primary_key=True)
    last: int = Field(sa_type=BigInteger)


class OrderStep(Table, table=True):
    """An entry in the timeline of an order, never changed."""

    __tablename__ = "order_step"
    __table_args__ = (Index("order_step_order", "order_id", "id"),)

    id: int | None = Field(None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    order_id: UUID = Field(sa_column=Column(ForeignKey("orders.id", name="order_step_order"), nullable=False))
    at: datetime = timestamp()
    status: str
    event: str
    cause: str | None
    actor: str
    detail: str = ""
