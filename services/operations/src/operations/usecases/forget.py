"""Retention: what is older than it has to be goes, a batch at a time."""

from datetime import datetime

from common.persistence.transaction import Transaction

BATCH = 5000

EVENTS = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE received_at < $1 LIMIT $2)"
REQUESTS = "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE at < $1 LIMIT $2)"
LETTERS = "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter WHERE decided_at < $1 LIMIT $2)"


async def forget_events(tx: Transaction, before: datetime) -> int:
    return await _delete(tx, EVENTS, before)


async def forget_requests(tx: Transaction, before: datetime) -> int:
    return await _delete(tx, REQUESTS, before)


async def forget_dead_letters(tx: Transaction, before: datetime) -> int:
    """Those decided before then; what waits is never forgotten."""
    return await _delete(tx, LETTERS, before)


async def _delete(tx: Transaction, statement: str, before: datetime) -> int:
    status: str = await tx.sql.execute(statement, before, BATCH)
    return int(status.rsplit(" ", 1)[-1])
