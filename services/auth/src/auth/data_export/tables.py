from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, PrimaryKeyConstraint, Text, text
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class ExportRow(Table, table=True):
    """Without `sealed_private` the parts cannot be decrypted, wherever else they were written."""

    __tablename__ = "export"
    __table_args__ = (
        Index("export_one_at_a_time", "account_id", unique=True, postgresql_where=text("state = 'gathering'")),
        Index("export_account", "account_id", "id"),
        Index("export_due", "due_at", postgresql_where=text("state = 'gathering'")),
        Index("export_created", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    state: str
    services: list[str] = Field(sa_type=ARRAY(Text))
    sealed_private: bytes | None
    created_at: datetime = timestamp()
    due_at: datetime = timestamp()
    ready_at: datetime | None = timestamp(nullable=True)


class ExportPartRow(Table, table=True):
    """One encrypted part of a service's answer."""

    __tablename__ = "export_part"
    __table_args__ = (PrimaryKeyConstraint("export_id", "service", "part"),)

    export_id: UUID = Field(foreign_key="export.id", ondelete="CASCADE")
    service: str = Field()
    part: int = Field()
    parts: int
    sealed: bytes
