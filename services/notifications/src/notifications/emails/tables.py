"""The table of outgoing e-mails."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from common.persistence.tables import json_column, timestamp
from notifications.schema import Table


class EmailRow(Table, table=True):
    """An outgoing e-mail: `waiting_contact → queued → sending → sent`, or `failed`.

    `recipient` and `language` are those of the last attempt. While it is sent, `next_attempt_at` is the end of its
    lease. `cause` is the id of the event that led to it.
    """

    __tablename__ = "email"
    __table_args__ = (
        UniqueConstraint("cause", name="email_once_per_cause"),
        Index("email_due", "next_attempt_at", postgresql_where=text("state IN ('queued', 'sending')")),
        Index("email_waiting", "user_id", postgresql_where=text("state = 'waiting_contact'")),
        Index("email_of_user", "user_id", text("id DESC")),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID
    template: str
    data: dict[str, Any] = json_column()
    state: str
    attempts: int
    next_attempt_at: datetime = timestamp()
    recipient: str | None
    language: str | None
    last_error: str | None
    cause: UUID
    correlation_id: str
    traceparent: str | None
    tracestate: str | None
    created_at: datetime = timestamp()
    sent_at: datetime | None = timestamp(nullable=True)
