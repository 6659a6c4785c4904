from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import INET
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp

OPEN = "used_at IS NULL AND superseded_at IS NULL"


class OneTimeCode(Table, table=True):
    """A request for an e-mail with a code and a link. Several may be open: a request takes nothing from others.

    `network` is the requester's; `attempts` came from there, `other_attempts` from elsewhere.
    `subject` is a keyed hash of the recipient: the address that was given, or for a change of address the account's
    id. Requests for unknown addresses have rows as well, without an account, so that both cases take the same steps.
    """

    __tablename__ = "one_time_code"
    __table_args__ = (
        UniqueConstraint("token_hash", name="one_time_code_token_unique"),
        Index("one_time_code_open", "subject", "purpose", postgresql_where=text(f"code_hash IS NOT NULL AND {OPEN}")),
        Index("one_time_code_recent", "subject", "purpose", "created_at"),
        Index("one_time_code_account", "account_id", postgresql_where=text(OPEN)),
        Index("one_time_code_history", "purpose", text("id DESC")),
        Index("one_time_code_created", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    purpose: str
    subject: bytes
    account_id: UUID | None
    code_hash: bytes | None
    token_hash: bytes
    attempts: int
    network: str
    other_attempts: int
    address: str = Field(sa_type=INET)
    created_at: datetime = timestamp()
    expires_at: datetime = timestamp()
    verified_at: datetime | None = timestamp(nullable=True)
    used_at: datetime | None = timestamp(nullable=True)
    superseded_at: datetime | None = timestamp(nullable=True)
    new_email: str | None


class EmailRequest(Table, table=True):
    """An e-mail that somebody had sent to a person; `recipient` is a keyed hash of the address."""

    __tablename__ = "email_request"
    __table_args__ = (
        Index("email_request_recent", "recipient", "created_at"),
        Index("email_request_created", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    recipient: bytes
    on_known_device: bool
    created_at: datetime = timestamp()
