"""Orders end without a sale: what is not taken stays untaken, what was taken goes back."""

from collections.abc import Sequence
from datetime import datetime

from billing.domain.payment import Status, cancel
from billing.usecases.load_payments import lock_payments_of_orders
from billing.usecases.store_changes import store_changes
from common.contracts.orders import OrderCancelled
from common.ids import new_id
from common.persistence.transaction import Transaction

# A row without a provider: a request for payment that arrives later, or again, meets it and never charges.
TOMBSTONE = """
INSERT INTO payment (id, order_id, customer_id, number, amount, currency, correlation_id, causation_id, traceparent,
                     status, cancel_requested, created_at, updated_at)
SELECT new.*, $1, true, $2, $2
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
            $11::text[]) AS new
ON CONFLICT (order_id, purpose) DO NOTHING
"""


async def cancel_payments(tx: Transaction, cancellations: Sequence[OrderCancelled], now: datetime) -> None:
    """Leave a tombstone where there is no payment yet; cancel or give back where there is one."""
    columns = zip(*(_tombstone(tx, event) for event in cancellations), strict=True)
    await tx.sql.execute(TOMBSTONE, Status.CANCELLED, now, *(list(column) for column in columns))
    origins = {event.order_id: tx.cloud_event_of(event).origin() for event in cancellations}
    held = await lock_payments_of_orders(tx, list(origins))
    await store_changes(tx, [(cancel(h.payment, now), origins[h.payment.order_id]) for h in held], now)


def _tombstone(tx: Transaction, event: OrderCancelled) -> tuple[object, ...]:
    origin = tx.cloud_event_of(event).origin()
    return (
        new_id(),
        event.order_id,
        event.customer_id,
        event.number,
        event.total.amount,
        event.total.currency,
        origin.correlation_id,
        origin.causation_id,
        origin.traceparent,
    )
