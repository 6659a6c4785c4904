"""The table of daily counters."""

from datetime import date
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlmodel import Field

from messaging.schema import Table


class QuotaUsageRow(Table, table=True):
    """How many messages an account was charged for on a day."""

    __tablename__ = "quota_usage"
    __table_args__ = (PrimaryKeyConstraint("user_id", "day"),)

    user_id: UUID = Field()
    day: date = Field()
    used: int
