"""What catalog hears. Of orders by one queue, so that an order's placing and ending keep their order."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from catalog.usecases.forget_person import forget_person
from catalog.usecases.gather_personal_data import gather_personal_data
from catalog.usecases.reserve_stock import reserve_stock
from catalog.usecases.settle_stock import commit_stock, release_stock
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from common.persistence.transaction import Transaction

CONSUMER = "catalog.checkout"
PEOPLE = "catalog.people"
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


class People:
    """`wake_removal` is called once what was a person's is gone."""

    def __init__(self, wake_removal: Callable[[], None]) -> None:
        self._wake_removal = wake_removal

    @subscribe(ExportRequested, consumer=PEOPLE)
    async def on_export_requested(self, event: ExportRequested, tx: Transaction) -> None:
        await gather_personal_data(tx, event)

    @subscribe(UserErased, consumer=PEOPLE)
    async def on_user_erased(self, event: UserErased, tx: Transaction) -> None:
        await forget_person(tx, event.user_id)
        tx.after_commit(self._wake_removal)
