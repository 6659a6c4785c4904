"""The tables that the API reads. Columns, constraints and indexes are made by the migrations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class NotificationRow(SQLModel, table=True):
    """Something a person was told in the app."""

    __tablename__ = "notification"

    id: UUID = Field(primary_key=True)
    user_id: UUID
    topic: str
    title: str
    body: str
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    cause: UUID
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    read_at: datetime | None = Field(None, sa_column=Column(DateTime(timezone=True)))


class EmailRow(SQLModel, table=True):
    """An outgoing mail and how far it came. `recipient` and `language` are the contact's at the last attempt."""

    __tablename__ = "email"

    id: UUID = Field(primary_key=True)
    user_id: UUID
    template: str
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    attempts: int
    next_attempt_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    recipient: str | None
    language: str | None
    last_error: str | None
    cause: UUID
    correlation_id: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    sent_at: datetime | None = Field(None, sa_column=Column(DateTime(timezone=True)))
