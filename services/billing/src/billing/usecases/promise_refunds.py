"""Write down what must go back; the money itself is sent by a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from common.context import Origin
from common.ids import new_id
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO refund (id, payment_id, cause, amount, reason, correlation_id, causation_id, traceparent, status,
                    next_attempt_at, created_at, updated_at)
SELECT new.*, 'pending', $1, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[]) AS new
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """`cause` makes a refund unique within its payment: one compensation, one per staff request, …"""

    payment_id: UUID
    cause: str
    amount: int
    reason: str
    origin: Origin
    refund_id: UUID = field(default_factory=new_id)


async def promise_refunds(tx: Transaction, promises: Sequence[Promise], now: datetime) -> None:
    """Add refunds for amounts that the caller has set aside on the locked payments."""
    if not promises:
        return
    columns = zip(*(_row(promise) for promise in promises), strict=True)
    await tx.sql.execute(INSERT, now, *(list(column) for column in columns))


def _row(promise: Promise) -> tuple[object, ...]:
    origin = promise.origin
    return (
        promise.refund_id,
        promise.payment_id,
        promise.cause,
        promise.amount,
        promise.reason,
        origin.correlation_id,
        origin.causation_id,
        origin.traceparent,
    )
