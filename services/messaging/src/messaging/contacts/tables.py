"""The table of contacts."""

from datetime import datetime
from uuid import UUID

from sqlmodel import BigInteger, Field

from common.persistence.tables import timestamp
from messaging.schema import Table


class ContactRow(Table, table=True):
    """How a person is reached. With `erased_at` it is a tombstone: later events about the person change nothing."""

    __tablename__ = "contact"

    user_id: UUID = Field(primary_key=True)
    phone: str | None
    whatsapp_number: str | None
    time_zone: str
    sequence: int = Field(sa_type=BigInteger)
    max_messages_per_day: int | None
    erased_at: datetime | None = timestamp(nullable=True)
