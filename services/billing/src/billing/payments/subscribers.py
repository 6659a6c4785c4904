"""Events of orders: payment requested, order cancelled."""

import logging
from collections.abc import Callable, Collection, Sequence

from billing.payments.usecases import cancel_payments, open_payments
from common import clock
from common.bus.order_log import log_orders
from common.bus.subscriptions import subscribe
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

CONSUMER = "billing.checkout"


class PaymentSubscribers:
    """`wake` runs the jobs as soon as their work is committed."""

    def __init__(self, enabled_providers: Collection[str], wake: Callable[[], None]) -> None:
        self._enabled_providers = enabled_providers
        self._wake = wake

    @subscribe(PaymentRequested, consumer=CONSUMER, batch=256)
    async def on_payments_requested(self, events: Sequence[PaymentRequested], tx: Transaction) -> None:
        await open_payments(tx, events, self._enabled_providers, clock.now())
        log_orders(tx, log, "payment of an order requested", events)
        tx.after_commit(self._wake)

    @subscribe(OrderCancelled, consumer=CONSUMER, batch=256)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        await cancel_payments(tx, events, clock.now())
        tx.after_commit(self._wake)
