"""Authenticator apps and recovery codes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, text
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class TotpRow(Table, table=True):
    """The authenticator app of an account; without `confirmed_at`, sign-in does not ask for its codes."""

    __tablename__ = "totp"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    sealed_secret: bytes
    last_step: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    created_at: datetime = timestamp()
    confirmed_at: datetime | None = timestamp(nullable=True)


class RecoveryCodeRow(Table, table=True):
    """A recovery code as a keyed hash."""

    __tablename__ = "recovery_code"

    account_id: UUID = Field(primary_key=True, foreign_key="totp.account_id", ondelete="CASCADE")
    hash: bytes = Field(primary_key=True)
    used_at: datetime | None = timestamp(nullable=True)
