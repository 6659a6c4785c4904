"""What billing hears from orders."""

from collections.abc import Callable, Collection, Sequence

from billing.usecases.cancel_payments import cancel_payments
from billing.usecases.request_payments import request_payments
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.persistence.transaction import Transaction


class Subscribers:
    """`offered` are the providers configured; `wake` starts the jobs at once when there is work."""

    def __init__(self, offered: Collection[str], wake: Callable[[], None]) -> None:
        self._offered = offered
        self._wake = wake

    @subscribe(PaymentRequested, consumer="billing.checkout", batch=256)
    async def on_payments_requested(self, events: Sequence[PaymentRequested], tx: Transaction) -> None:
        await request_payments(tx, events, self._offered, clock.now())
        tx.after_commit(self._wake)

    @subscribe(OrderCancelled, consumer="billing.checkout", batch=256)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        await cancel_payments(tx, events, clock.now())
        tx.after_commit(self._wake)
