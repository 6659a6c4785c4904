"""The table of provider events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, UniqueConstraint, text
from sqlmodel import Field

from billing.schema import Table
from common.persistence.tables import timestamp


class ProviderEventRow(Table, table=True):
    """An event as it was received; `payment_id` and `result` are known once it was applied."""

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("provider", "external_id", name="provider_event_once"),
        Index("provider_event_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL")),
        Index("provider_event_payment", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    provider: str
    external_id: str
    type: str
    payload: bytes
    received_at: datetime = timestamp()
    attempts: int
    next_attempt_at: datetime | None = timestamp(nullable=True)
    result: str | None
    payment_id: UUID | None
