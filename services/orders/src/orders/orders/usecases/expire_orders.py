"""Cancelling orders whose deadline has passed."""

from common import clock
from common.contracts.orders import OrderCancelled
from common.persistence.transaction import Transaction
from orders.orders.domain.checkout import Deadlines
from orders.orders.domain.saga import Trigger
from orders.orders.domain.signal import Signal
from orders.orders.store.orders import lock_overdue_orders
from orders.orders.usecases.advance_orders import advance_orders


async def expire_orders(tx: Transaction, limit: int, deadlines: Deadlines) -> int:
    """Cancel up to `limit` overdue orders; returns how many."""
    overdue = await lock_overdue_orders(tx, clock.now(), limit)
    signals = [Signal(order_id, Trigger.DEADLINE_PASSED, OrderCancelled.type, actor="orders") for order_id in overdue]
    await advance_orders(tx, signals, deadlines)
    return len(overdue)
