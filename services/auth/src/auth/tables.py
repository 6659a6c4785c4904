"""The rows that the API reads and writes whole. Sessions, tokens and keys are written by plain SQL where they live."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlmodel import Field, SQLModel

from auth.domain.roles import Role
from common.ids import new_id


class Account(SQLModel, table=True):
    """Someone who can sign in. `email` is in its normalised spelling; who signs in elsewhere may
    have no password; without `max_messages_per_day` the shop's limit
    holds."""

    __tablename__ = "account"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str
    username: str | None = None
    password_hash: str | None = None
    role: Role = Field(default="customer", sa_type=Text)
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    birth_date: date | None = None
    address: str = ""
    city: str = ""
    pincode: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    avatar_id: UUID | None = None
    is_active: bool = True
    email_confirmed: bool = False
    max_messages_per_day: int | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    deleted_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    erased_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
