"""The table of the journal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field

from common.persistence.tables import json_column, timestamp
from operations.schema import Table

PERSON = "COALESCE(data ->> 'user_id', data ->> 'customer_id', data ->> 'owner_id')"


class EventRow(Table, table=True):
    """An event that was on the bus. Ids are UUIDv7: they grow with time, so they order the journal."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_correlation", "correlation_id"),
        Index("event_type", "type", text("id DESC")),
        Index("event_source", "source", text("id DESC")),
        Index("event_subject", "subject", text("id DESC")),
        Index("event_received", "received_at", postgresql_using="brin"),
        Index("event_person", text(f"({PERSON})"), postgresql_where=text(f"{PERSON} IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    type: str
    source: str
    subject: str
    time: datetime = timestamp()
    sequence: int = Field(sa_type=BigInteger)
    correlation_id: str
    causation_id: str | None
    data: dict[str, Any] = json_column()
    received_at: datetime = timestamp()
