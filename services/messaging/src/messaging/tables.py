"""The tables that the API reads. Columns, constraints and indexes are made by the migrations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel


def _moment() -> Column[datetime]:
    return Column(DateTime(timezone=True))


class MessageRow(SQLModel, table=True):
    """A message and how far it came. While it is `sending`, the provider may or may not have it."""

    __tablename__ = "message"

    id: UUID = Field(primary_key=True)
    user_id: UUID
    channel: str
    recipient: str
    type: str
    text: str
    client_ref: str | None
    status: str
    provider_id: str | None
    error_code: str | None
    error_message: str | None
    queued_at: datetime = Field(sa_column=_moment())
    sent_at: datetime | None = Field(None, sa_column=_moment())
    delivered_at: datetime | None = Field(None, sa_column=_moment())
    read_at: datetime | None = Field(None, sa_column=_moment())


class MessageReportRow(SQLModel, table=True):
    """What was first heard of each status of a message, whether or not it moved the message."""

    __tablename__ = "message_report"

    message_id: UUID = Field(primary_key=True)
    status: str = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    heard_at: datetime = Field(sa_column=_moment())
    code: str | None
    detail: str | None
