"""SQL of dead letters."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import TimeRange
from operations.dead_letters.domain import UNREADABLE, WAITING
from operations.dead_letters.tables import DeadLetterRow
from operations.errors import DeadLetterNotFound

UPSERT = """
INSERT INTO dead_letter (id, queue, event_id, type, source, subject, time, sequence, correlation_id, causation_id,
                         traceparent, tracestate, payload, error, attempts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::text[],
                     $15::integer[])
ON CONFLICT ON CONSTRAINT dead_letter_once_per_queue DO UPDATE
SET error = excluded.error, attempts = excluded.attempts, deaths = dead_letter.deaths + 1, last_died_at = now(),
    state = 'waiting', decided_at = NULL, decided_by = NULL
"""
WAITING_BY_QUEUE = "SELECT queue, count(*) AS n FROM dead_letter WHERE state = 'waiting' GROUP BY queue"
DELETE_BEFORE = "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter WHERE decided_at < $1 LIMIT $2)"


FOUND = text(contains(["type", "queue", "subject", "error"], ":search"))


async def upsert_dead_letters(tx: Transaction, rows: Iterable[Sequence[object]]) -> None:
    """At most one row per queue and event; one that failed before is updated and waits again."""
    await tx.sql.execute(UPSERT, *columns(rows))


async def delete_decided_before(tx: Transaction, time: datetime, limit: int) -> str:
    """Dead letters that wait for a decision are never deleted."""
    tag: str = await tx.sql.execute(DELETE_BEFORE, time, limit)
    return tag


async def waiting_by_queue(tx: Transaction) -> dict[str, int]:
    """The number of dead letters that wait for a decision, by queue."""
    return {row["queue"]: row["n"] for row in await tx.sql.fetch(WAITING_BY_QUEUE)}


async def lock_dead_letter(tx: Transaction, dead_letter_id: UUID) -> DeadLetterRow:
    """Locked, so that of two concurrent decisions one fails. Raises DeadLetterNotFound."""
    query = select(DeadLetterRow).where(DeadLetterRow.id == dead_letter_id).with_for_update()
    row = (await tx.session.exec(query)).one_or_none()
    if row is None:
        raise DeadLetterNotFound
    return row


async def lock_waiting(
    tx: Transaction, queue: str | None, ids: Sequence[UUID] | None, limit: int
) -> Sequence[DeadLetterRow]:
    """Those that can be replayed, oldest first, of the queue and among the ids; None filters nothing."""
    query = select(DeadLetterRow).where(DeadLetterRow.state == WAITING, DeadLetterRow.source != UNREADABLE)
    if queue is not None:
        query = query.where(DeadLetterRow.queue == queue)
    if ids is not None:
        query = query.where(col(DeadLetterRow.id).in_(ids))
    oldest_first = query.order_by(col(DeadLetterRow.time), col(DeadLetterRow.sequence))
    return (await tx.session.exec(oldest_first.limit(limit).with_for_update())).all()


async def list_dead_letters(
    tx: Transaction,
    *,
    filters: Mapping[str, str | None],
    period: TimeRange,
    search: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[DeadLetterRow]:
    """Newest first; `filters` are values of columns, None filters nothing; `before` is the previous page's last id."""
    query = select(DeadLetterRow).filter_by(**{name: value for name, value in filters.items() if value is not None})
    if period.since is not None:
        query = query.where(DeadLetterRow.last_died_at >= period.since)
    if period.until is not None:
        query = query.where(DeadLetterRow.last_died_at < period.until)
    if search is not None:
        query = query.where(FOUND.bindparams(search=search))
    if before is not None:
        query = query.where(DeadLetterRow.id < before)
    return (await tx.session.exec(query.order_by(col(DeadLetterRow.id).desc()).limit(limit))).all()


async def get_dead_letter(tx: Transaction, dead_letter_id: UUID) -> DeadLetterRow:
    """Raises DeadLetterNotFound."""
    row = await tx.session.get(DeadLetterRow, dead_letter_id)
    if row is None:
        raise DeadLetterNotFound
    return row
