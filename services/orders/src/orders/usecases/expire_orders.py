"""Ending what hangs: an order whose deadline has passed is cancelled, whoever failed to answer."""

from common import clock
from common.contracts.orders import OrderCancelled
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Signal
from orders.domain.saga import Trigger
from orders.usecases.advance_orders import Cause, advance_orders

# Who holds one of these rows is moving it on right now: it is looked at again next time.
DUE = "SELECT id FROM orders WHERE deadline <= $1 ORDER BY deadline LIMIT $2 FOR UPDATE SKIP LOCKED"


async def expire_orders(tx: Transaction, limit: int, deadlines: Deadlines) -> int:
    """Cancel up to `limit` overdue orders; returns how many."""
    due = [row["id"] for row in await tx.sql.fetch(DUE, clock.now(), limit)]
    signals = [Signal(order_id, Trigger.DEADLINE_PASSED, OrderCancelled.type, actor="orders") for order_id in due]
    await advance_orders(tx, [Cause(signal) for signal in signals], deadlines)
    return len(due)
