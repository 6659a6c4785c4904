"""Take refunds that are due, for a while, with what their provider needs to know."""

from datetime import datetime, timedelta

from billing.domain.pauses import LONGEST
from billing.providers.port import Refund
from common.money import Money
from common.persistence.transaction import Transaction

CLAIM = """
UPDATE refund SET attempts = refund.attempts + 1, next_attempt_at = $2, updated_at = $1
FROM payment
WHERE payment.id = refund.payment_id AND refund.id IN (
    SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
    WHERE payment.provider = $4 AND (refund.next_attempt_at <= $1 OR refund.next_attempt_at > $5)
    ORDER BY refund.next_attempt_at LIMIT $3 FOR UPDATE OF refund SKIP LOCKED)
RETURNING refund.id, refund.payment_id, refund.amount, refund.reference, refund.attempts, payment.currency,
    payment.reference AS charge_reference
"""


async def claim_refunds(tx: Transaction, provider: str, limit: int, lease: timedelta, now: datetime) -> list[Refund]:
    """At most `limit` due refunds; each falls due again after `lease` unless its outcome is recorded before."""
    rows = await tx.sql.fetch(CLAIM, now, now + lease, limit, provider, now + LONGEST)
    return [
        Refund(
            refund_id=row["id"],
            payment_id=row["payment_id"],
            charge_reference=row["charge_reference"],
            amount=Money(amount=row["amount"], currency=row["currency"]),
            reference=row["reference"],
            attempt=row["attempts"],
        )
        for row in rows
    ]
