"""Signing keys."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import timestamp


class SigningKeyRow(Table, table=True):
    """`state` is `next`, `active` or `retired`; there is one key each of the first two."""

    __tablename__ = "signing_key"
    __table_args__ = (
        Index(
            "signing_key_one_each",
            "state",
            unique=True,
            postgresql_where=text("state = ANY (ARRAY['next'::text, 'active'::text])"),
        ),
    )

    kid: str = Field(primary_key=True)
    public_key: bytes
    sealed_private: bytes
    state: str
    created_at: datetime = timestamp()
    activated_at: datetime | None = timestamp(nullable=True)
    retired_at: datetime | None = timestamp(nullable=True)
