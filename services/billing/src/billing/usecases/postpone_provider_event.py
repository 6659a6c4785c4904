"""A provider event that could not be applied is tried again, and given up in the end."""

from datetime import datetime

from billing.domain.pauses import pause_before
from common.persistence.transaction import Transaction

ATTEMPTS = 8

COUNT = "UPDATE provider_event SET attempts = attempts + 1, result = $2 WHERE id = $1 RETURNING attempts"
POSTPONE = "UPDATE provider_event SET next_attempt_at = $2 WHERE id = $1"


async def postpone_provider_event(tx: Transaction, event_id: int, error: str, now: datetime) -> None:
    """Note the failure and plan the next attempt, if there is one; what was given up stays with its error."""
    attempts = await tx.sql.fetchval(COUNT, event_id, f"failed: {error}"[:500])
    await tx.sql.execute(POSTPONE, event_id, now + pause_before(attempts) if attempts < ATTEMPTS else None)
