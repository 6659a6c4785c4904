"""Refunds that are scheduled in the transaction that makes them necessary; `billing.refunds` carries them out."""

from collections.abc import Sequence
from datetime import datetime

from billing.payments.domain.payment import PendingRefund
from common.context import Origin
from common.persistence.rows import columns
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO refund (id, payment_id, cause, amount, reason, correlation_id, causation_id, traceparent, status,
                    next_attempt_at, created_at, updated_at)
SELECT new.*, 'pending', $1, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[]) AS new
"""


async def insert_pending_refunds(
    tx: Transaction, refunds: Sequence[tuple[PendingRefund, Origin]], now: datetime
) -> None:
    """Insert refunds that are due at once."""
    rows = (
        (
            refund.refund_id,
            refund.payment_id,
            refund.cause,
            refund.amount,
            refund.reason,
            origin.correlation_id,
            origin.causation_id,
            origin.traceparent,
        )
        for refund, origin in refunds
    )
    await tx.sql.execute(INSERT, now, *columns(rows))
