from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from auth.accounts.domain import Role
from auth.schema import Table
from common.ids import new_id
from common.persistence.tables import timestamp


class Account(Table, table=True):
    """Someone who can sign in.

    `email` and the telephone numbers are normalised; `unique_phone` is the phone if it was set while the installation
    allowed one account per phone. Accounts that only sign in through an OpenID provider may have no password. Without
    `max_messages_per_day` the limit of the shop applies. `avatar_sequence` is that of the catalog event which set
    the avatar: older events are ignored.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("email", name="account_email_unique"),
        Index("account_username_unique", text("lower(username)"), unique=True),
        UniqueConstraint("unique_phone", name="account_phone_unique"),
        Index("account_phone", "phone", postgresql_where=text("phone IS NOT NULL")),
        Index("account_created", text("created_at DESC"), "id"),
        Index("account_admins", "id", postgresql_where=text("role = 'admin'")),
        Index("account_to_erase", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL AND erased_at IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str
    username: str | None = None
    password_hash: str | None = None
    role: Role = Field(default="customer", sa_type=Text)
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    unique_phone: str | None = None
    whatsapp_number: str | None = None
    birth_date: date | None = None
    address: str = ""
    city: str = ""
    pincode: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    avatar_id: UUID | None = None
    avatar_sequence: int = Field(
        default=0,
        sa_type=BigInteger,
        sa_column_kwargs={"comment": "of the event of catalog that named the picture"},
    )
    is_active: bool = True
    email_confirmed: bool = False
    max_messages_per_day: int | None = None
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
    deleted_at: datetime | None = timestamp(nullable=True)
    erased_at: datetime | None = timestamp(nullable=True)
