"""Tables of payments and of the sandbox provider. The hot path writes them in plain SQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from billing.schema import Table
from common.persistence.tables import timestamp


class PaymentRow(Table, table=True):
    """One per order and purpose. Without a provider it is the tombstone of an order cancelled before its request."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("order_id", "purpose", name="payment_once"),
        Index("payment_due", "provider", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        Index("payment_reference", "reference", postgresql_where=text("reference IS NOT NULL")),
        Index("payment_customer", "customer_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID
    purpose: str
    customer_id: UUID
    number: str
    provider: str | None
    method: str | None
    amount: int = Field(sa_type=BigInteger)
    currency: str
    status: str
    captured: int = Field(sa_type=BigInteger)
    promised: int = Field(sa_type=BigInteger)
    refunded: int = Field(sa_type=BigInteger)
    reference: str | None
    failure_code: str | None
    failure_message: str | None
    action_type: str | None
    action_url: str | None
    cancel_requested: bool
    attempts: int
    next_attempt_at: datetime | None = timestamp(nullable=True)
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()


class SandboxCharge(Table, table=True):
    """A charge in the sandbox provider's ledger; `asked` counts the calls about it."""

    __tablename__ = "sandbox_charge"

    idempotency_key: UUID = Field(primary_key=True)
    behaviour: str
    amount: int = Field(sa_type=BigInteger)
    currency: str
    state: str
    captured: int = Field(sa_type=BigInteger)
    refunded: int = Field(sa_type=BigInteger)
    asked: int
    created_at: datetime = timestamp()


class SandboxRefund(Table, table=True):
    """A refund in the sandbox provider's ledger."""

    __tablename__ = "sandbox_refund"

    idempotency_key: UUID = Field(primary_key=True)
    charge: UUID = Field(foreign_key="sandbox_charge.idempotency_key")
    amount: int = Field(sa_type=BigInteger)
