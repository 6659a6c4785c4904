"""The tables that the API reads. Columns, constraints and indexes are made by the migrations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class EventRow(SQLModel, table=True):
    """An event that was on the bus. Ids grow in time order, so they order the journal."""

    __tablename__ = "event"

    id: UUID = Field(primary_key=True)
    type: str
    source: str
    subject: str
    time: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    sequence: int = Field(sa_type=BigInteger)
    correlation_id: str
    causation_id: str | None = None
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class DeadLetterRow(SQLModel, table=True):
    """An event that one queue gave up. `deaths` counts how often, replays included; `payload` is as received."""

    __tablename__ = "dead_letter"

    id: UUID = Field(primary_key=True)
    queue: str
    event_id: UUID
    type: str
    source: str
    subject: str
    time: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    sequence: int = Field(sa_type=BigInteger)
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    payload: bytes
    error: str
    attempts: int
    deaths: int
    state: str
    first_died_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_died_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    decided_at: datetime | None = Field(None, sa_column=Column(DateTime(timezone=True)))
    decided_by: UUID | None = None


class RequestRow(SQLModel, table=True):
    """A request as the gateway answered it."""

    __tablename__ = "request"

    id: int = Field(primary_key=True, sa_type=BigInteger)
    request_id: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    method: str
    path: str
    status: int
    duration_ms: float
    service: str | None = None
    user_id: UUID | None = None
    ip: str | None = None
    user_agent: str | None = None
    times: int = 1
