"""Confirms orders by message. In batches, because a busy shop confirms many orders per second."""

import logging
from collections.abc import Callable, Sequence

from common.bus.order_log import log_orders
from common.bus.subscriptions import subscribe
from common.contracts.orders import OrderConfirmed
from common.persistence.transaction import Transaction
from messaging.messages.domain import order_confirmation
from messaging.messages.usecases.confirm_orders import Confirmation, confirm_orders

log = logging.getLogger(__name__)

CONSUMER = "messaging.orders"


class Subscribers:
    """`wake_sender` is called when the messages of a batch are committed."""

    def __init__(self, wake_sender: Callable[[], None]) -> None:
        self._wake_sender = wake_sender

    @subscribe(OrderConfirmed, consumer=CONSUMER, batch=256)
    async def on_orders_confirmed(self, events: Sequence[OrderConfirmed], tx: Transaction) -> None:
        await confirm_orders(tx, [_confirmation(event, tx) for event in events])
        log_orders(tx, log, "confirmation of an order handled", events)
        tx.after_commit(self._wake_sender)


def _confirmation(event: OrderConfirmed, tx: Transaction) -> Confirmation:
    cloud_event = tx.cloud_event_of(event)
    text = order_confirmation(event.number, sum(line.quantity for line in event.lines))
    return Confirmation(cloud_event.id, event.customer_id, text, cloud_event.origin())
