"""The stock side of the checkout. One queue, so that the events of an order are handled in their order."""

from collections.abc import Sequence
from datetime import timedelta

from catalog.stock.usecases import commit_stock, release_stock, reserve_stock
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from common.persistence.transaction import Transaction

CONSUMER = "catalog.checkout"
BATCH = 256


class CheckoutSubscriber:
    """Reservations expire after `reservation_timeout`."""

    def __init__(self, reservation_timeout: timedelta) -> None:
        self._reservation_timeout = reservation_timeout

    @subscribe(OrderPlaced, consumer=CONSUMER, batch=BATCH)
    async def on_orders_placed(self, events: Sequence[OrderPlaced], tx: Transaction) -> None:
        await reserve_stock(tx, events, clock.now() + self._reservation_timeout)

    @subscribe(OrderConfirmed, consumer=CONSUMER, batch=BATCH)
    async def on_orders_confirmed(self, events: Sequence[OrderConfirmed], tx: Transaction) -> None:
        await commit_stock(tx, events)

    @subscribe(OrderCancelled, consumer=CONSUMER, batch=BATCH)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        await release_stock(tx, events, clock.now())
