"""Staff give money back."""

from datetime import datetime
from uuid import UUID

from billing.domain.payment import Change
from billing.domain.refunding import promise
from billing.usecases.load_payments import lock_payments
from billing.usecases.promise_refunds import Promise, promise_refunds
from billing.usecases.store_changes import store_changes
from common import context
from common.context import Origin
from common.errors import NotFound
from common.ids import new_id
from common.money import Money
from common.persistence.transaction import Transaction


async def request_refund(tx: Transaction, payment_id: UUID, amount: Money | None, reason: str, now: datetime) -> UUID:
    """Promise a refund of `amount`, or of all that is left. The id of the refund, which a job carries out.

    Raises NotFound, Conflict or Invalid; concurrent requests wait for each other at the payment's row.
    """
    held = await lock_payments(tx, [payment_id])
    if not held:
        raise NotFound("There is no such payment")
    payment, minor_units = promise(held[0].payment, amount)
    refund_id = new_id()
    origin = context.current() or Origin(correlation_id=str(refund_id))
    await store_changes(tx, [(Change(payment), origin)], now)
    await promise_refunds(tx, [Promise(payment_id, f"staff:{refund_id}", minor_units, reason, origin, refund_id)], now)
    return refund_id
