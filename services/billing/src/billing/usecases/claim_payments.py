"""Take payments that are due, for a while, so that no other worker asks their provider meanwhile."""

from datetime import datetime, timedelta

from billing.domain.pauses import LONGEST
from billing.domain.payment import Payment
from billing.usecases.load_payments import held_in
from common.persistence.transaction import Transaction

# From here on a payment counts as sent: a cancellation must ask the provider.
CLAIM = """
UPDATE payment SET attempts = attempts + 1, next_attempt_at = $2, updated_at = $1,
    status = CASE status WHEN 'pending' THEN 'processing' ELSE status END
WHERE id IN (
    SELECT id FROM payment WHERE provider = $4 AND (next_attempt_at <= $1 OR next_attempt_at > $5)
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""


async def claim_payments(tx: Transaction, provider: str, limit: int, lease: timedelta, now: datetime) -> list[Payment]:
    """At most `limit` due payments; each falls due again after `lease` unless its outcome is recorded before."""
    rows = await tx.sql.fetch(CLAIM, now, now + lease, limit, provider, now + LONGEST)
    return [held_in(row).payment for row in rows]
