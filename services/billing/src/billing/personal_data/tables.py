"""The table of erased people."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from billing.schema import Table
from common.persistence.tables import timestamp


class ErasedPerson(Table, table=True):
    """Provider events that arrive after the erasure are stored without their content."""

    __tablename__ = "erased_person"

    user_id: UUID = Field(primary_key=True)
    erased_at: datetime = timestamp()
