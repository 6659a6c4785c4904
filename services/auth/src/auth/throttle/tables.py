from datetime import datetime

from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class ThrottleKey(Table, table=True):
    """Failures under one key, which is a hash."""

    __tablename__ = "throttle"

    key: bytes = Field(primary_key=True)
    failures: int
    last_at: datetime | None = timestamp(nullable=True)
    blocked_until: datetime | None = timestamp(nullable=True)
