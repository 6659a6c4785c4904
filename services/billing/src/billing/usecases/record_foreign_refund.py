"""A refund that somebody made at the provider: our books follow."""

from datetime import datetime
from uuid import UUID

from billing.domain.refunding import refunded
from billing.usecases.load_payments import lock_payments
from billing.usecases.promise_refunds import Promise, promise_refunds
from billing.usecases.store_changes import store_changes
from common.persistence.transaction import Transaction

REASON = "refunded_at_provider"
KNOWN = "SELECT true FROM refund WHERE payment_id = $1 AND cause = $2"
CONFIRM = """
UPDATE refund SET status = 'succeeded', next_attempt_at = NULL, updated_at = $2 WHERE id = $1
"""


async def record_foreign_refund(tx: Transaction, payment_id: UUID, cause: str, amount: int, now: datetime) -> None:
    """Add the refund, named by `cause`, once; more than what is left of the capture breaks a constraint."""
    [held] = await lock_payments(tx, [payment_id])
    if await tx.sql.fetchval(KNOWN, payment_id, cause):
        return
    change = refunded(held.payment.promise(amount), amount, REASON)
    promise = Promise(payment_id, cause, amount, REASON, held.origin)
    await promise_refunds(tx, [promise], now)
    await tx.sql.execute(CONFIRM, promise.refund_id, now)
    await store_changes(tx, [(change, held.origin)], now)
