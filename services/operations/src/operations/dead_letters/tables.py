"""The table of dead letters."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from common.persistence.tables import timestamp
from operations.schema import Table


class DeadLetterRow(Table, table=True):
    """An event that one queue gave up. `deaths` counts how often, replays included; `payload` is as received."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        UniqueConstraint("queue", "event_id", name="dead_letter_once_per_queue"),
        Index("dead_letter_waiting", "queue", "id", postgresql_where=text("state = 'waiting'")),
        Index("dead_letter_type", "type", text("id DESC")),
    )

    id: UUID = Field(primary_key=True)
    queue: str
    event_id: UUID
    type: str
    source: str
    subject: str
    time: datetime = timestamp()
    sequence: int = Field(sa_type=BigInteger)
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    tracestate: str | None
    payload: bytes
    error: str
    attempts: int
    deaths: int
    state: str
    first_died_at: datetime = timestamp()
    last_died_at: datetime = timestamp()
    decided_at: datetime | None = timestamp(nullable=True)
    decided_by: UUID | None
