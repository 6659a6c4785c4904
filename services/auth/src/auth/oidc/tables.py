"""Identities at other issuers, and sign-ins that wait for the issuer's callback."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class IdentityRow(Table, table=True):
    """An identity at an issuer that signs in to an account; `email` is the issuer's."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("issuer", "subject", name="identity_once"),
        Index("identity_account", "account_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    provider: str
    issuer: str
    subject: str
    email: str | None = None
    created_at: datetime = timestamp()
    last_used_at: datetime | None = timestamp(nullable=True)


class PendingLoginRow(Table, table=True):
    """A sign-in that was sent to an issuer.

    `account_id` is the account that the identity is to be linked to; None signs in. `outcome` is the identity, sealed,
    while the second factor is asked for. `place` is the address or network that asked, for a limit per place.
    """

    __tablename__ = "oidc_flow"
    __table_args__ = (
        Index("oidc_flow_place", "place", "expires_at"),
        Index("oidc_flow_account", "account_id"),
        Index("oidc_flow_expiry", "expires_at"),
    )

    state_hash: bytes = Field(primary_key=True)
    provider: str
    account_id: UUID | None = Field(default=None, foreign_key="account.id", ondelete="CASCADE")
    sealed: bytes
    browser_hash: bytes
    outcome: bytes | None = None
    claimed_at: datetime | None = timestamp(nullable=True)
    place: str
    expires_at: datetime = timestamp()
