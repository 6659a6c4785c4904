"""Passkeys and challenges."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class PasskeyRow(Table, table=True):
    """The public half of a passkey."""

    __tablename__ = "passkey"
    __table_args__ = (
        UniqueConstraint("credential_id", name="passkey_credential_unique"),
        Index("passkey_account", "account_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    credential_id: bytes
    public_key: bytes
    sign_count: int = Field(sa_type=BigInteger)
    name: str
    transports: list[str] = Field(sa_type=ARRAY(Text))
    is_synced: bool
    created_at: datetime = timestamp()
    last_used_at: datetime | None = timestamp(nullable=True)


class ChallengeRow(Table, table=True):
    """A challenge that waits for its response. `place` is the address or network that asked, for a limit per place;
    a sign-in has no account yet."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        Index("passkey_challenge_place", "place", "expires_at"),
        Index("passkey_challenge_account", "account_id"),
        Index("passkey_challenge_expiry", "expires_at"),
    )

    hash: bytes = Field(primary_key=True)
    purpose: str
    account_id: UUID | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE")
    place: str
    expires_at: datetime = timestamp()
