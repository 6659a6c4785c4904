"""The record of changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from catalog.schema import Table
from common.persistence.tables import timestamp


class Xid8(UserDefinedType[int]):
    """The 64-bit number of a transaction, which SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = Xid8


class PublicChange(Table, table=True):
    """A transaction that changed what product and category pages show."""

    __tablename__ = "public_change"
    __table_args__ = (
        Index("public_change_at", "at"),
        {"comment": "transactions that changed what product and category pages show"},
    )

    xid: int = Field(sa_column=Column(Xid8, primary_key=True))
    at: datetime = timestamp()
