"""Moving orders through the saga: lock, decide by the table, save, add to the timeline, publish.

Events, commands and deadlines all come this way, for one order or for a batch, with the same four statements.
"""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime

from common import clock
from common.context import Origin, current, use_origin
from common.persistence.transaction import Transaction
from orders.orders.domain.checkout import Deadlines
from orders.orders.domain.order import Order, Transition
from orders.orders.domain.signal import Signal
from orders.orders.store.orders import add_to_timelines, lock_orders, save_orders

log = logging.getLogger(__name__)


async def advance_orders(tx: Transaction, signals: Sequence[Signal], deadlines: Deadlines) -> list[Transition | None]:
    """The transition that each signal caused, in order; None if its order does not exist."""
    orders = await lock_orders(tx, [signal.order_id for signal in signals])
    before = {order_id: order.state for order_id, order in orders.items()}
    now = clock.now()
    transitions = [_apply(tx, orders.get(signal.order_id), signal, now, deadlines) for signal in signals]
    changed = [(order, before[order.id][0]) for order in orders.values() if order.state != before[order.id]]
    await save_orders(tx, changed, now)
    await add_to_timelines(tx, [entry for transition in transitions if transition for entry in transition.entries])
    return transitions


def _apply(
    tx: Transaction, order: Order | None, signal: Signal, now: datetime, deadlines: Deadlines
) -> Transition | None:
    if order is None:
        log.warning("%s is about an unknown order", signal.event, extra={"order_id": str(signal.order_id)})
        return None
    transition = order.apply(signal, now, deadlines)
    # A deadline has no origin of its own: what it causes belongs to the causal chain of the order.
    without_origin = signal.received is None and current() is None
    with use_origin(Origin(order.correlation_id)) if without_origin else nullcontext():
        for event in transition.events:
            tx.publish(event, cause=signal.received)
    return transition
