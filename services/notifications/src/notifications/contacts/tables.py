"""The table of contacts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, Text
from sqlmodel import Field

from common.persistence.tables import timestamp
from notifications.schema import Table


class ContactRow(Table, table=True):
    """How a person is reached. With `erased_at` it is a tombstone: later events about the person change nothing."""

    __tablename__ = "contact"

    user_id: UUID = Field(primary_key=True)
    email: str
    first_name: str
    last_name: str
    language: str
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    sequence: int = Field(sa_type=BigInteger)
    erased_at: datetime | None = timestamp(nullable=True)
