"""Tables as the API reads them; the hot path writes them in plain SQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime
from sqlmodel import Field, SQLModel


class PaymentRow(SQLModel, table=True):
    """One per (order, purpose). Without a provider it is the tombstone of an order cancelled before it asked."""

    __tablename__ = "payment"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    customer_id: UUID
    provider: str | None
    amount: int
    currency: str
    status: str
    captured: int
    refunded: int
    reference: str | None
    failure_code: str | None
    failure_message: str | None
    action_type: str | None
    action_url: str | None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))


class RefundRow(SQLModel, table=True):
    """Money on its way back, or back."""

    __tablename__ = "refund"

    id: UUID = Field(primary_key=True)
    payment_id: UUID
    amount: int
    reason: str
    status: str
    failure_code: str | None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
