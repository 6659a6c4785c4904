from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlalchemy.dialects.postgresql import INET
from sqlmodel import Field

from auth.schema import Table
from common.persistence.tables import json_column, timestamp


class AuditEntry(Table, table=True):
    """An attempted action and its outcome. `actor_id` is the administrator who acted on another account."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_at", "at"), Index("audit_account", "account_id", "id"))

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = timestamp()
    action: str
    outcome: str
    account_id: UUID | None
    actor_id: UUID | None
    session_id: UUID | None
    address: str | None = Field(sa_type=INET)
    user_agent: str | None
    request_id: str | None
    detail: dict[str, Any] = json_column()
