"""What catalog hears of orders: one queue, so that an order's placing and ending keep their order."""

from collections.abc import Sequence
from datetime import timedelta

from catalog.usecases.reserve_stock import reserve_stock
from catalog.usecases.settle_stock import commit_stock, release_stock
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from common.persistence.transaction import Transaction

CONSUMER = "catalog.checkout"
BATCH = 256


class Checkout:
    """The stock side of the checkout; reservations are held for `hold`."""

    def __init__(self, hold: timedelta) -> None:
        self._hold = hold

    @subscribe(OrderPlaced, consumer=CONSUMER, batch=BATCH)
    async def on_orders_placed(self, events: Sequence[OrderPlaced], tx: Transaction) -> None:
        await reserve_stock(tx, events, clock.now() + self._hold)

    @subscribe(OrderConfirmed, consumer=CONSUMER, batch=BATCH)
    async def on_orders_confirmed(self, events: Sequence[OrderConfirmed], tx: Transaction) -> None:
        await commit_stock(tx, events)

    @subscribe(OrderCancelled, consumer=CONSUMER, batch=BATCH)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        await release_stock(tx, events, clock.now())
