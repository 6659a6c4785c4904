"""API keys."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import CIDR
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class ApiKeyRow(Table, table=True):
    """An API key; its secret is stored as a keyed hash, that of the secret before a rotation as `retired_hash`.

    `session_id` is the session of the key's access tokens; a new one is made when it has ended.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("public_id", name="api_key_public_id_unique"),
        UniqueConstraint("session_id", name="api_key_session_unique"),
        Index("api_key_account", "account_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    public_id: str
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    session_id: UUID | None = Field(default=None, foreign_key="session.id", ondelete="SET NULL")
    name: str
    hash: bytes
    retired_hash: bytes | None = None
    retired_until: datetime | None = timestamp(nullable=True)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    ip_allow: list[str] = Field(sa_type=ARRAY(CIDR), sa_column_kwargs={"server_default": text("'{}'")})
    daily_limit: int | None = None
    spent_on: date | None = None
    spent: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    expires_at: datetime | None = timestamp(nullable=True)
    last_used_at: datetime | None = timestamp(nullable=True)
    revoked_at: datetime | None = timestamp(nullable=True)
    created_at: datetime = timestamp()
