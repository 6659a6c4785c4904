from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class PreRegistrationRow(Table, table=True):
    """An address to notify when the shop opens."""

    __tablename__ = "pre_registration"
    __table_args__ = (UniqueConstraint("email", name="pre_registration_once"),)

    id: UUID = Field(primary_key=True)
    email: str
    first_name: str
    last_name: str
    created_at: datetime = timestamp()
