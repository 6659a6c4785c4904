"""SQL of the journal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import TimeRange
from operations.errors import EventNotFound
from operations.journal.tables import EventRow

MAX_TRACE_EVENTS = 5000

INSERT = """
INSERT INTO event (id, type, source, subject, time, sequence, correlation_id, causation_id, data)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::text[],
                     $8::text[], $9::jsonb[])
ON CONFLICT (id) DO NOTHING
"""
DELETE_BEFORE = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE received_at < $1 LIMIT $2)"


FOUND = text(contains(["type", "source", "subject"], ":search"))


async def insert_events(tx: Transaction, rows: Iterable[Sequence[object]]) -> None:
    """Events that are in the journal already are skipped.

    Raises asyncpg.DataError for data that PostgreSQL cannot store as JSON.
    """
    await tx.sql.execute(INSERT, *columns(rows))


async def delete_events_before(tx: Transaction, time: datetime, limit: int) -> str:
    tag: str = await tx.sql.execute(DELETE_BEFORE, time, limit)
    return tag


async def list_events(
    tx: Transaction,
    *,
    filters: Mapping[str, str | None],
    period: TimeRange,
    search: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[EventRow]:
    """Newest first; `filters` are values of columns, None filters nothing; `before` is the previous page's last id."""
    query = select(EventRow).filter_by(**{name: value for name, value in filters.items() if value is not None})
    if period.since is not None:
        query = query.where(EventRow.time >= period.since)
    if period.until is not None:
        query = query.where(EventRow.time < period.until)
    if search is not None:
        query = query.where(FOUND.bindparams(search=search))
    if before is not None:
        query = query.where(EventRow.id < before)
    return (await tx.session.exec(query.order_by(col(EventRow.id).desc()).limit(limit))).all()


async def get_event(tx: Transaction, event_id: UUID) -> EventRow:
    """Raises EventNotFound."""
    row = await tx.session.get(EventRow, event_id)
    if row is None:
        raise EventNotFound
    return row


async def list_trace(tx: Transaction, correlation_id: str) -> Sequence[EventRow]:
    """The events with this correlation id, oldest first, at most MAX_TRACE_EVENTS."""
    query = select(EventRow).where(EventRow.correlation_id == correlation_id).order_by(col(EventRow.id))
    return (await tx.session.exec(query.limit(MAX_TRACE_EVENTS))).all()
