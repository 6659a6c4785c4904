"""What billing hears: orders want money or end, people ask for their data or are erased."""

from collections.abc import Callable, Collection, Sequence

from billing.usecases.cancel_payments import cancel_payments
from billing.usecases.erase_person import erase_people
from billing.usecases.gather_personal_data import gather_personal_data
from billing.usecases.request_payments import request_payments
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.persistence.transaction import Transaction

CHECKOUT = "billing.checkout"


class Subscribers:
    """`offered` are the providers configured; `wake` starts the jobs at once when there is work."""

    def __init__(self, offered: Collection[str], wake: Callable[[], None]) -> None:
        self._offered = offered
        self._wake = wake

    @subscribe(PaymentRequested, consumer=CHECKOUT, batch=256)
    async def on_payments_requested(self, events: Sequence[PaymentRequested], tx: Transaction) -> None:
        await request_payments(tx, events, self._offered, clock.now())
        tx.after_commit(self._wake)

    @subscribe(OrderCancelled, consumer=CHECKOUT, batch=256)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        await cancel_payments(tx, events, clock.now())
        tx.after_commit(self._wake)

    @subscribe(ExportRequested, consumer="billing.people")
    async def on_export_requested(self, event: ExportRequested, tx: Transaction) -> None:
        await gather_personal_data(tx, event)

    # Among the payments: none of the person's is being written meanwhile.
    @subscribe(UserErased, consumer=CHECKOUT, batch=256)
    async def on_users_erased(self, events: Sequence[UserErased], tx: Transaction) -> None:
        await erase_people(tx, [event.user_id for event in events], clock.now())
