"""What tables are declared with, and the tables that every service's database has.

A service declares its base in `schema.py`, so that services that share a process do not share table names:

    class Table(SQLModel, registry=registry()):
        pass

and every table in the `tables.py` of its feature: `class Order(Table, table=True)`. A test compares them with the
database that the migrations make (`common.testing.schema`). Rows that are written by plain SQL need no instance of
these classes: making one costs 0.17 ms.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


def timestamp(*, nullable: bool = False) -> Any:
    """A `timestamptz` column; with `nullable`, None by default."""
    if nullable:
        return Field(default=None, sa_type=DateTime(timezone=True), nullable=True)
    return Field(sa_type=DateTime(timezone=True))


def json_column(*, nullable: bool = False) -> Any:
    """A `jsonb` column; with `nullable`, None by default."""
    if nullable:
        return Field(default=None, sa_type=JSONB, nullable=True)
    return Field(sa_type=JSONB)


class CommonTable(SQLModel, registry=registry()):
    """The base of the tables for the bus and for idempotent requests, which every service's database has."""


class OutboxRow(CommonTable, table=True):
    """An event that waits for the relay, or was published; `sequence` is given for replays only."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_pending", "id", postgresql_where=text("published_at IS NULL AND dead_at IS NULL")),
        Index("outbox_dead_subject", "subject", postgresql_where=text("dead_at IS NOT NULL")),
        Index("outbox_published", "published_at", postgresql_where=text("published_at IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    event_id: UUID
    type: str
    source: str
    subject: str
    partition_no: int = Field(sa_type=SmallInteger)
    occurred_at: datetime = timestamp()
    payload: bytes
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    tracestate: str | None
    queue: str | None
    sequence: int | None = Field(sa_type=BigInteger)
    created_at: datetime = timestamp()
    attempts: int
    last_error: str | None
    published_at: datetime | None = timestamp(nullable=True)
    dead_at: datetime | None = timestamp(nullable=True)


class OutboxPartition(CommonTable, table=True):
    """What a relay claims: the events of one subject are in one partition."""

    __tablename__ = "outbox_partition"

    partition_no: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))


class InboxRow(CommonTable, table=True):
    """An event that a consumer has accepted."""

    __tablename__ = "inbox"
    __table_args__ = (PrimaryKeyConstraint("consumer", "event_id"), Index("inbox_accepted", "accepted_at"))

    consumer: str = Field(sa_column=Column(Text))
    event_id: UUID = Field()
    accepted_at: datetime = timestamp()


class DeliveryRow(CommonTable, table=True):
    """An event on its way to one consumer over the embedded transport."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscription", "event_id", name="delivery_once"),
        Index("delivery_due", "subscription", "id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    subscription: str
    event_id: UUID
    headers: dict[str, Any] = json_column()
    correlation_id: str
    payload: bytes
    attempts: int
    next_attempt_at: datetime = timestamp()


class IdempotencyRow(CommonTable, table=True):
    """The first response to a request with an Idempotency-Key; no status while that request is in progress."""

    __tablename__ = "idempotency"
    __table_args__ = (PrimaryKeyConstraint("user_id", "route", "key"), Index("idempotency_created", "created_at"))

    user_id: UUID = Field()
    route: str = Field()
    key: str = Field()
    request_hash: bytes
    status: int | None = Field(sa_type=SmallInteger)
    body: bytes | None = Field(sa_type=LargeBinary)
    created_at: datetime = timestamp()
