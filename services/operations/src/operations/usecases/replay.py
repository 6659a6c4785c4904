"""Giving dead letters back to the queue that gave them up, under the same event id."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from common import clock
from common.errors import NotFound
from common.events.cloudevent import CloudEvent
from common.persistence.transaction import Transaction
from operations.domain import letters
from operations.tables import DeadLetterRow

AT_ONCE = 500
"""Letters that one bulk replay takes; the answer says how many it was, so that the caller goes on."""


async def replay(tx: Transaction, letter_id: UUID, staff_id: UUID) -> DeadLetterRow:
    """Replay one. NotFound, or Conflict when it is decided already or holds no event."""
    row = await letter_for_update(tx, letter_id)
    letters.check_undecided(row.state)
    letters.check_readable(row.source)
    _send(tx, row, staff_id)
    return row


async def replay_many(tx: Transaction, queue: str | None, ids: Sequence[UUID] | None, staff_id: UUID) -> int:
    """Replay the waiting ones among `ids`, or of a queue, or all; oldest first, at most AT_ONCE. How many it was."""
    waiting = (
        select(DeadLetterRow)
        .where(DeadLetterRow.state == letters.WAITING, DeadLetterRow.source != letters.UNREADABLE)
        .order_by(col(DeadLetterRow.time), col(DeadLetterRow.sequence))
        .limit(AT_ONCE)
        .with_for_update()
    )
    if queue is not None:
        waiting = waiting.where(DeadLetterRow.queue == queue)
    if ids is not None:
        waiting = waiting.where(col(DeadLetterRow.id).in_(ids))
    rows = (await tx.session.exec(waiting)).all()
    for row in rows:
        _send(tx, row, staff_id)
    return len(rows)


async def letter_for_update(tx: Transaction, letter_id: UUID) -> DeadLetterRow:
    """The letter, locked, so that two people deciding at once decide once. NotFound without one."""
    found = await tx.session.exec(select(DeadLetterRow).where(DeadLetterRow.id == letter_id).with_for_update())
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such dead letter")
    return row


def _send(tx: Transaction, row: DeadLetterRow, staff_id: UUID) -> None:
    row.state, row.decided_at, row.decided_by = letters.REPLAYED, clock.now(), staff_id
    tx.redeliver(_envelope(row), row.queue)


def _envelope(row: DeadLetterRow) -> CloudEvent:
    return CloudEvent(
        id=row.event_id,
        type=row.type,
        source=row.source,
        subject=row.subject,
        time=row.time,
        data=row.payload,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        sequence=row.sequence,
        traceparent=row.traceparent,
        tracestate=row.tracestate,
    )
