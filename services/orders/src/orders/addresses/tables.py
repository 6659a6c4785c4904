"""Addresses."""

from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from common.ids import new_id
from orders.schema import Table


class Address(Table, table=True):
    """Where a customer receives goods; exactly one of a customer's addresses is the default."""

    __tablename__ = "address"
    __table_args__ = (
        Index("address_of_user", "user_id", "id"),
        Index("address_one_default", "user_id", unique=True, postgresql_where=text("is_default")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID
    name: str
    line1: str
    line2: str = ""
    city: str
    region: str = ""
    postal_code: str = ""
    country: str
    phone: str = ""
    is_default: bool = False
