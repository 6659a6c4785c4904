"""Reads for the API. Feeds run from the newest to the oldest; `before` is the id of the last row shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from common.errors import NotFound
from common.persistence.transaction import Transaction
from operations.tables import DeadLetterRow, EventRow, RequestRow

LARGEST_TRACE = 5000


async def events(
    tx: Transaction,
    *,
    equal: dict[str, str | None],
    since: datetime | None,
    until: datetime | None,
    before: UUID | None,
    limit: int,
) -> Sequence[EventRow]:
    """The journal; `equal` filters by column, None filters nothing."""
    query = select(EventRow).order_by(col(EventRow.id).desc()).limit(limit).where(*_equal(EventRow, equal))
    if since is not None:
        query = query.where(EventRow.time >= since)
    if until is not None:
        query = query.where(EventRow.time < until)
    if before is not None:
        query = query.where(EventRow.id < before)
    return (await tx.session.exec(query)).all()


async def event(tx: Transaction, event_id: UUID) -> EventRow:
    row = await tx.session.get(EventRow, event_id)
    if row is None:
        raise NotFound("There is no such event in the journal")
    return row


async def story(tx: Transaction, correlation_id: str) -> Sequence[EventRow]:
    """All events with this correlation id, oldest first."""
    query = (
        select(EventRow)
        .where(EventRow.correlation_id == correlation_id)
        .order_by(col(EventRow.id))
        .limit(LARGEST_TRACE)
    )
    return (await tx.session.exec(query)).all()


async def dead_letters(
    tx: Transaction, *, equal: dict[str, str | None], before: UUID | None, limit: int
) -> Sequence[DeadLetterRow]:
    order = select(DeadLetterRow).order_by(col(DeadLetterRow.id).desc()).limit(limit)
    query = order.where(*_equal(DeadLetterRow, equal))
    if before is not None:
        query = query.where(DeadLetterRow.id < before)
    return (await tx.session.exec(query)).all()


async def dead_letter(tx: Transaction, letter_id: UUID) -> DeadLetterRow:
    row = await tx.session.get(DeadLetterRow, letter_id)
    if row is None:
        raise NotFound("There is no such dead letter")
    return row


async def waiting_by_queue(tx: Transaction) -> dict[str, int]:
    """Queue → dead letters that wait for a decision."""
    rows = await tx.sql.fetch("SELECT queue, count(*) AS n FROM dead_letter WHERE state = 'waiting' GROUP BY queue")
    return {row["queue"]: row["n"] for row in rows}


async def requests(
    tx: Transaction, *, equal: dict[str, object], before: int | None, limit: int
) -> Sequence[RequestRow]:
    query = select(RequestRow).order_by(col(RequestRow.id).desc()).limit(limit).where(*_equal(RequestRow, equal))
    if before is not None:
        query = query.where(RequestRow.id < before)
    return (await tx.session.exec(query)).all()


def _equal(table: Any, equal: Any) -> list[Any]:
    return [getattr(table, name) == value for name, value in equal.items() if value is not None]
