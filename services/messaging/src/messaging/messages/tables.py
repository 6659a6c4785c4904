"""The tables of messages, their reports, and confirmations that wait for a contact."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, Computed, Index, PrimaryKeyConstraint, SmallInteger, UniqueConstraint, text
from sqlmodel import Field

from common.persistence.tables import timestamp
from messaging.schema import Table

RANK = """
CASE status WHEN 'queued' THEN 0 WHEN 'sending' THEN 1 WHEN 'sent' THEN 2 WHEN 'delivered' THEN 3 ELSE 4 END
"""


class MessageRow(Table, table=True):
    """A message and its status. While it is `sending`, the provider may or may not have it.

    `due_at` is when it is sent, or, once `sent`, when the provider is next asked about it. `queued_event` and the trace
    are those of its MessageQueued, which causes every later event about it.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("cause", name="message_once_per_cause"),
        UniqueConstraint("user_id", "client_ref", name="message_once_per_client_ref"),
        Index("message_to_send", "due_at", postgresql_where=text("status IN ('queued', 'sending')")),
        Index("message_to_ask_after", "due_at", postgresql_where=text("status = 'sent'")),
        Index("message_of_user", "user_id", text("id DESC")),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID
    channel: str
    recipient: str
    type: str
    text: str
    client_ref: str | None
    cause: UUID | None
    status: str
    rank: int = Field(sa_column=Column(SmallInteger, Computed(RANK, persisted=True)))
    attempts: int
    due_at: datetime = timestamp()
    provider_id: str | None
    error_code: str | None
    error_message: str | None
    charged_to: UUID
    charged_on: date
    queued_event: UUID
    correlation_id: str
    traceparent: str | None
    tracestate: str | None
    queued_at: datetime = timestamp()
    sent_at: datetime | None = timestamp(nullable=True)
    delivered_at: datetime | None = timestamp(nullable=True)
    read_at: datetime | None = timestamp(nullable=True)


class MessageReportRow(Table, table=True):
    """The first report of each status of a message, whether or not it changed the message's status."""

    __tablename__ = "message_report"
    __table_args__ = (PrimaryKeyConstraint("message_id", "status"),)

    message_id: UUID = Field(foreign_key="message.id", ondelete="CASCADE")
    status: str = Field()
    at: datetime = timestamp()
    heard_at: datetime = timestamp()
    code: str | None
    detail: str | None


class WaitingConfirmationRow(Table, table=True):
    """The confirmation of an order whose customer has no contact yet."""

    __tablename__ = "waiting_confirmation"
    __table_args__ = (Index("waiting_confirmation_user", "user_id"),)

    cause: UUID = Field(primary_key=True)
    user_id: UUID
    text: str
    correlation_id: str
    traceparent: str | None
    tracestate: str | None
