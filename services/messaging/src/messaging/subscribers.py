"""What messaging hears. Batches, because a busy shop confirms many orders a second."""

from collections.abc import Callable, Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased, UserRegistered, UserUpdated
from common.contracts.orders import OrderConfirmed
from common.persistence.transaction import Transaction
from messaging.domain.phones import is_e164
from messaging.domain.wording import order_confirmation
from messaging.usecases.confirm_orders import Confirmation, confirm_orders, confirm_waiting
from messaging.usecases.erase_person import erase_people
from messaging.usecases.gather_personal_data import gather_personal_data
from messaging.usecases.remember_contacts import Contact, remember_contacts

PEOPLE = "messaging.people"
ORDERS = "messaging.orders"


class Subscribers:
    """`wake_courier` is called once what a batch queued is committed."""

    def __init__(self, wake_courier: Callable[[], None]) -> None:
        self._wake_courier = wake_courier

    @subscribe(UserRegistered, consumer=PEOPLE, batch=256)
    async def on_users_registered(self, events: Sequence[UserRegistered], tx: Transaction) -> None:
        await self._remember(events, tx)

    @subscribe(UserUpdated, consumer=PEOPLE, batch=256)
    async def on_users_updated(self, events: Sequence[UserUpdated], tx: Transaction) -> None:
        await self._remember(events, tx)

    @subscribe(OrderConfirmed, consumer=ORDERS, batch=256)
    async def on_orders_confirmed(self, events: Sequence[OrderConfirmed], tx: Transaction) -> None:
        await confirm_orders(tx, [_confirmation(event, tx) for event in events])
        tx.after_commit(self._wake_courier)

    @subscribe(ExportRequested, consumer=PEOPLE)
    async def on_export_requested(self, event: ExportRequested, tx: Transaction) -> None:
        await gather_personal_data(tx, event)

    # By both consumers: each could have been writing of the person when the other erased.
    @subscribe(UserErased, consumer=PEOPLE, batch=256)
    @subscribe(UserErased, consumer=ORDERS, batch=256)
    async def on_users_erased(self, events: Sequence[UserErased], tx: Transaction) -> None:
        await erase_people(tx, [event.user_id for event in events])

    async def _remember(self, events: Sequence[UserRegistered | UserUpdated], tx: Transaction) -> None:
        await remember_contacts(tx, [_contact(event, tx) for event in events])
        await confirm_waiting(tx, [event.user_id for event in events])
        tx.after_commit(self._wake_courier)


def _contact(event: UserRegistered | UserUpdated, tx: Transaction) -> Contact:
    phone = event.phone if is_e164(event.phone) else None
    sequence = tx.cloud_event_of(event).sequence
    return Contact(event.user_id, phone, event.time_zone, sequence, event.max_messages_per_day)


def _confirmation(event: OrderConfirmed, tx: Transaction) -> Confirmation:
    cloud_event = tx.cloud_event_of(event)
    text = order_confirmation(event.number, sum(line.quantity for line in event.lines))
    return Confirmation(cloud_event.id, event.customer_id, text, cloud_event.origin())
