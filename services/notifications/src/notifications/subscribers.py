"""What notifications hears. Batches, because a busy shop confirms many orders a second."""

from collections.abc import Callable, Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import (
    EmailChangeRequested,
    EmailConfirmationRequested,
    ExportRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    SecurityChanged,
    UserErased,
    UserRegistered,
    UserUpdated,
)
from common.contracts.billing import PaymentRefunded
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderDelivered, OrderShipped
from common.persistence.transaction import Transaction
from notifications.domain import notices
from notifications.usecases.announce import Announcement, announce
from notifications.usecases.erase_person import erase_people
from notifications.usecases.gather_personal_data import gather_personal_data
from notifications.usecases.remember_contacts import Contact, remember_contacts

PEOPLE = "notifications.people"
ORDERS = "notifications.orders"


class Subscribers:
    """`wake_postman` is called once what a batch queued is committed."""

    def __init__(self, wake_postman: Callable[[], None]) -> None:
        self._wake_postman = wake_postman

    @subscribe(UserRegistered, consumer=PEOPLE, batch=256)
    async def on_users_registered(self, events: Sequence[UserRegistered], tx: Transaction) -> None:
        await remember_contacts(tx, [_contact(event, tx) for event in events])
        await self._announce(tx, [Announcement(event, event.user_id, notices.welcome()) for event in events])

    @subscribe(UserUpdated, consumer=PEOPLE, batch=256)
    async def on_users_updated(self, events: Sequence[UserUpdated], tx: Transaction) -> None:
        await remember_contacts(tx, [_contact(event, tx) for event in events])
        tx.after_commit(self._wake_postman)

    @subscribe(EmailConfirmationRequested, consumer=PEOPLE, batch=256)
    async def on_confirmations_requested(self, events: Sequence[EmailConfirmationRequested], tx: Transaction) -> None:
        told = [(event, notices.confirm_email(event.sealed, event.expires_at)) for event in events]
        await self._announce(tx, [Announcement(event, event.user_id, notice) for event, notice in told])

    @subscribe(EmailChangeRequested, consumer=PEOPLE, batch=256)
    async def on_changes_requested(self, events: Sequence[EmailChangeRequested], tx: Transaction) -> None:
        told = [(event, notices.change_email(event.sealed, event.expires_at, event.email)) for event in events]
        await self._announce(tx, [Announcement(event, event.user_id, notice) for event, notice in told])

    @subscribe(PasswordResetRequested, consumer=PEOPLE, batch=256)
    async def on_resets_requested(self, events: Sequence[PasswordResetRequested], tx: Transaction) -> None:
        told = [(event, notices.reset_password(event.sealed, event.expires_at)) for event in events]
        await self._announce(tx, [Announcement(event, event.user_id, notice) for event, notice in told])

    @subscribe(PasswordChanged, consumer=PEOPLE, batch=256)
    async def on_passwords_changed(self, events: Sequence[PasswordChanged], tx: Transaction) -> None:
        await self._announce(tx, [Announcement(event, event.user_id, notices.password_changed()) for event in events])

    @subscribe(NewDeviceSeen, consumer=PEOPLE, batch=256)
    async def on_new_devices_seen(self, events: Sequence[NewDeviceSeen], tx: Transaction) -> None:
        told = [(event, notices.new_device(event.name, event.address, event.seen_at)) for event in events]
        await self._announce(tx, [Announcement(event, event.user_id, notice) for event, notice in told])

    @subscribe(SecurityChanged, consumer=PEOPLE, batch=256)
    async def on_security_changed(self, events: Sequence[SecurityChanged], tx: Transaction) -> None:
        told = [(event, notices.security_changed(event.what, event.address, event.at, event.email)) for event in events]
        await self._announce(tx, [Announcement(event, event.user_id, notice) for event, notice in told])

    @subscribe(OrderConfirmed, consumer=ORDERS, batch=256)
    async def on_orders_confirmed(self, events: Sequence[OrderConfirmed], tx: Transaction) -> None:
        await self._announce(tx, [Announcement(event, event.customer_id, _confirmed(event)) for event in events])

    @subscribe(OrderCancelled, consumer=ORDERS, batch=256)
    async def on_orders_cancelled(self, events: Sequence[OrderCancelled], tx: Transaction) -> None:
        told = [(event, notices.order_cancelled(event.order_id, event.number, event.reason)) for event in events]
        await self._announce(tx, [Announcement(event, event.customer_id, notice) for event, notice in told])

    @subscribe(OrderShipped, consumer=ORDERS, batch=256)
    async def on_orders_shipped(self, events: Sequence[OrderShipped], tx: Transaction) -> None:
        told = [
            (event, notices.order_shipped(event.order_id, event.number, event.carrier, event.tracking_number))
            for event in events
        ]
        await self._announce(tx, [Announcement(event, event.customer_id, notice) for event, notice in told])

    @subscribe(OrderDelivered, consumer=ORDERS, batch=256)
    async def on_orders_delivered(self, events: Sequence[OrderDelivered], tx: Transaction) -> None:
        told = [(event, notices.order_delivered(event.order_id, event.number)) for event in events]
        await self._announce(tx, [Announcement(event, event.customer_id, notice) for event, notice in told])

    @subscribe(PaymentRefunded, consumer=ORDERS, batch=256)
    async def on_payments_refunded(self, events: Sequence[PaymentRefunded], tx: Transaction) -> None:
        told = [(event, notices.payment_refunded(event.order_id, event.amount)) for event in events]
        await self._announce(tx, [Announcement(event, event.customer_id, notice) for event, notice in told])

    @subscribe(ExportRequested, consumer=PEOPLE)
    async def on_export_requested(self, event: ExportRequested, tx: Transaction) -> None:
        await gather_personal_data(tx, event)

    # By both consumers: each could have been writing of the person when the other erased.
    @subscribe(UserErased, consumer=PEOPLE, batch=256)
    @subscribe(UserErased, consumer=ORDERS, batch=256)
    async def on_users_erased(self, events: Sequence[UserErased], tx: Transaction) -> None:
        await erase_people(tx, [event.user_id for event in events])

    async def _announce(self, tx: Transaction, announcements: Sequence[Announcement]) -> None:
        await announce(tx, announcements)
        tx.after_commit(self._wake_postman)


def _contact(event: UserRegistered | UserUpdated, tx: Transaction) -> Contact:
    return Contact(
        user_id=event.user_id,
        email=event.email,
        first_name=event.first_name,
        last_name=event.last_name,
        language=event.language,
        roles=event.roles,
        sequence=tx.cloud_event_of(event).sequence,
    )


def _confirmed(event: OrderConfirmed) -> notices.Notice:
    lines = [notices.Line(line.title, line.quantity, line.unit_price) for line in event.lines]
    return notices.order_confirmed(event.order_id, event.number, lines, event.total)
