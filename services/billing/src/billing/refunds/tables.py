"""The table of refunds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from billing.schema import Table
from common.persistence.tables import timestamp


class RefundRow(Table, table=True):
    """One per payment and cause."""

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("payment_id", "cause", name="refund_once"),
        Index("refund_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id")
    cause: str
    amount: int = Field(sa_type=BigInteger)
    reason: str
    status: str
    reference: str | None
    failure_code: str | None
    failure_message: str | None
    attempts: int
    next_attempt_at: datetime | None = timestamp(nullable=True)
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
