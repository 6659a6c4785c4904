"""Orders ask for money."""

from collections.abc import Collection, Sequence
from datetime import datetime

from billing.domain.opening import open_payment
from billing.domain.payment import Change
from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.persistence.transaction import Transaction

# A payment that exists wins, and so does the tombstone of an order that was cancelled before: neither charges again.
INSERT = """
INSERT INTO payment (id, order_id, customer_id, number, provider, method, amount, currency, status, failure_code,
                     failure_message, next_attempt_at, correlation_id, causation_id, traceparent, created_at,
                     updated_at)
SELECT new.*, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::text[]) AS new
ON CONFLICT (order_id, purpose) DO NOTHING
RETURNING id
"""


async def request_payments(
    tx: Transaction, requests: Sequence[PaymentRequested], offered: Collection[str], now: datetime
) -> None:
    """Open one payment per order. Those that need no provider are decided, and told of, at once."""
    opened = [(_open(request, offered, now), request) for request in requests]
    columns = zip(*(_row(change, tx, request) for change, request in opened), strict=True)
    new = {row["id"] for row in await tx.sql.fetch(INSERT, now, *(list(column) for column in columns))}
    for change, request in opened:
        if change.event is not None and change.payment.id in new:
            tx.publish(change.event, cause=request)


def _open(request: PaymentRequested, offered: Collection[str], now: datetime) -> Change:
    return open_payment(
        new_id(),
        order_id=request.order_id,
        customer_id=request.customer_id,
        number=request.number,
        provider=request.provider,
        method=request.payment_method,
        amount=request.amount,
        offered=offered,
        now=now,
    )


def _row(change: Change, tx: Transaction, request: PaymentRequested) -> tuple[object, ...]:
    payment, origin = change.payment, tx.cloud_event_of(request).origin()
    return (
        payment.id,
        payment.order_id,
        payment.customer_id,
        payment.number,
        payment.provider,
        payment.method,
        payment.amount.amount,
        payment.amount.currency,
        payment.status,
        payment.failure_code,
        payment.failure_message,
        payment.next_attempt_at,
        origin.correlation_id,
        origin.causation_id,
        origin.traceparent,
    )
