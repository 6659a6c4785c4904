"""Write what happened to payments, and tell: one statement for all rows."""

from collections.abc import Sequence
from datetime import datetime

from billing.domain.payment import Change, Payment
from billing.usecases.promise_refunds import Promise, promise_refunds
from common.context import Origin, use_origin
from common.persistence.transaction import Transaction

UPDATE = """
UPDATE payment SET status = new.status, captured = new.captured, promised = new.promised, refunded = new.refunded,
    reference = new.reference, failure_code = new.failure_code, failure_message = new.failure_message,
    action_type = new.action_type, action_url = new.action_url, cancel_requested = new.cancel_requested,
    attempts = new.attempts, next_attempt_at = new.next_attempt_at, updated_at = $1
FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::boolean[], $13::integer[], $14::timestamptz[])
    AS new (id, status, captured, promised, refunded, reference, failure_code, failure_message, action_type,
            action_url, cancel_requested, attempts, next_attempt_at)
WHERE payment.id = new.id
"""


async def store_changes(tx: Transaction, changes: Sequence[tuple[Change, Origin]], now: datetime) -> None:
    """Store the payments, which the caller has locked; promise the refunds and publish the events that follow.

    The origin of each change is what its events and its refund are caused by.
    """
    if not changes:
        return
    columns = zip(*(_row(change.payment) for change, _ in changes), strict=True)
    await tx.sql.execute(UPDATE, now, *(list(column) for column in columns))
    for change, origin in changes:
        if change.event is not None:
            with use_origin(origin):
                tx.publish(change.event)
    await promise_refunds(tx, [_promise(change, origin) for change, origin in changes if change.give_back], now)


def _row(payment: Payment) -> tuple[object, ...]:
    return (
        payment.id,
        payment.status,
        payment.captured,
        payment.promised,
        payment.refunded,
        payment.reference,
        payment.failure_code,
        payment.failure_message,
        payment.action_type,
        payment.action_url,
        payment.cancel_requested,
        payment.attempts,
        payment.next_attempt_at,
    )


def _promise(change: Change, origin: Origin) -> Promise:
    payment = change.payment
    reason = "order_cancelled" if payment.cancel_requested else "captured_after_failure"
    return Promise(payment.id, "compensation", change.give_back, reason, origin)
