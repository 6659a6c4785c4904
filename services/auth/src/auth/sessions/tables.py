from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import INET
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class Device(Table, table=True):
    """Something that an account signs in on, known by its name."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("account_id", "name", name="device_once_per_account"),
        Index("device_unseen", "seen_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    name: str
    address: str = Field(sa_type=INET)
    user_agent: str | None
    first_seen_at: datetime = timestamp()
    seen_at: datetime = timestamp()


class Session(Table, table=True):
    """A sign-in. `proved_at` is its last authentication; sessions of API keys have none."""

    __tablename__ = "session"
    __table_args__ = (
        Index("session_live", "account_id", postgresql_where=text("ended_at IS NULL")),
        Index("session_revoked", "access_expires_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("session_account", "account_id"),
        Index("session_expiry", "expires_at"),
        Index("session_device", "device_id"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    device_id: UUID | None = Field(foreign_key="device.id", ondelete="SET NULL")
    device_name: str | None
    address: str | None = Field(sa_type=INET)
    user_agent: str | None
    created_at: datetime = timestamp()
    seen_at: datetime = timestamp()
    proved_at: datetime | None = timestamp(nullable=True)
    expires_at: datetime = timestamp()
    access_expires_at: datetime = timestamp()
    ended_at: datetime | None = timestamp(nullable=True)
    end_reason: str | None


class RefreshToken(Table, table=True):
    """The hash of a refresh token; `parent` is the hash of the token that it replaced."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        UniqueConstraint("parent", name="refresh_token_one_child"),
        Index("refresh_token_session", "session_id"),
        Index("refresh_token_one_current", "session_id", unique=True, postgresql_where=text("rotated_at IS NULL")),
    )

    hash: bytes = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="session.id", ondelete="CASCADE")
    parent: bytes | None
    issued_at: datetime = timestamp()
    rotated_at: datetime | None = timestamp(nullable=True)
