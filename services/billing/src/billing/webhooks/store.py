"""The SQL of provider events."""

from dataclasses import dataclass
from datetime import datetime

from billing.payments.domain.provider import ReportResult
from billing.retries import MAX_DELAY
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO provider_event (provider, external_id, type, payload, received_at, next_attempt_at)
VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (provider, external_id) DO NOTHING
"""
DUE = """
SELECT id FROM provider_event WHERE next_attempt_at <= $1 OR next_attempt_at > $3 ORDER BY next_attempt_at, id LIMIT $2
"""
LOCK = """
SELECT provider, payload FROM provider_event WHERE id = $1 AND next_attempt_at IS NOT NULL FOR UPDATE SKIP LOCKED
"""
# The content of an event about an erased person is not kept.
FINISH = """
UPDATE provider_event SET result = $2, attempts = attempts + 1, next_attempt_at = NULL, payment_id = $3,
    payload = CASE WHEN EXISTS (SELECT FROM payment JOIN erased_person ON user_id = customer_id WHERE payment.id = $3)
                   THEN '{}' ELSE payload END
WHERE id = $1
"""
COUNT_FAILURE = "UPDATE provider_event SET attempts = attempts + 1, result = $2 WHERE id = $1 RETURNING attempts"
SCHEDULE = "UPDATE provider_event SET next_attempt_at = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event as the provider sent it: `payload` is the verified raw body."""

    provider: str
    external_id: str
    type: str
    payload: bytes


async def insert_event(tx: Transaction, event: ProviderEvent, now: datetime) -> None:
    """Store the event and make it due at once; of a duplicate nothing is stored."""
    await tx.sql.execute(INSERT, event.provider, event.external_id, event.type, event.payload, now)


async def due_events(tx: Transaction, limit: int, now: datetime) -> list[int]:
    """The ids of at most `limit` due events, oldest first."""
    return [row["id"] for row in await tx.sql.fetch(DUE, now, limit, now + MAX_DELAY)]


async def lock_event(tx: Transaction, event_id: int) -> tuple[str, bytes] | None:
    """Provider and payload; None if the event is final, or another worker has locked it."""
    row = await tx.sql.fetchrow(LOCK, event_id)
    return (row["provider"], row["payload"]) if row else None


async def finish_event(tx: Transaction, event_id: int, outcome: ReportResult) -> None:
    await tx.sql.execute(FINISH, event_id, outcome.result, outcome.payment_id)


async def count_failure(tx: Transaction, event_id: int, error: str) -> int:
    """Store the error. The number of attempts so far."""
    attempts: int = await tx.sql.fetchval(COUNT_FAILURE, event_id, error)
    return attempts


async def schedule_event(tx: Transaction, event_id: int, at: datetime | None) -> None:
    """Without a time, the event is not tried again."""
    await tx.sql.execute(SCHEDULE, event_id, at)
