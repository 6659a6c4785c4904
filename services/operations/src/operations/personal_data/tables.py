"""The table of erased people."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from common.persistence.tables import timestamp
from operations.schema import Table


class ErasedPersonRow(Table, table=True):
    """A person who was erased: later events about them are stored anonymised."""

    __tablename__ = "erased_person"

    user_id: UUID = Field(primary_key=True)
    erased_at: datetime = timestamp()
