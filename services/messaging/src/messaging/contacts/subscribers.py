"""Keeps the replica of contacts up to date."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from common.bus.subscriptions import subscribe
from common.contracts.auth import UserRegistered, UserUpdated
from common.people.phones import is_e164
from common.persistence.transaction import Transaction
from messaging.contacts.domain import Contact
from messaging.contacts.usecases import store_contacts

CONSUMER = "messaging.people"


class Subscribers:
    """`on_stored` is called in the same transaction with the people whose contacts were stored."""

    def __init__(self, on_stored: Callable[[Transaction, Sequence[UUID]], Awaitable[None]]) -> None:
        self._on_stored = on_stored

    @subscribe(UserRegistered, consumer=CONSUMER, batch=256)
    async def on_users_registered(self, events: Sequence[UserRegistered], tx: Transaction) -> None:
        await self._store(events, tx)

    @subscribe(UserUpdated, consumer=CONSUMER, batch=256)
    async def on_users_updated(self, events: Sequence[UserUpdated], tx: Transaction) -> None:
        await self._store(events, tx)

    async def _store(self, events: Sequence[UserRegistered | UserUpdated], tx: Transaction) -> None:
        await store_contacts(tx, [_contact(event, tx) for event in events])
        await self._on_stored(tx, [event.user_id for event in events])


def _contact(event: UserRegistered | UserUpdated, tx: Transaction) -> Contact:
    sequence = tx.cloud_event_of(event).sequence
    phone, whatsapp_number = (number if is_e164(number) else None for number in (event.phone, event.whatsapp_number))
    return Contact(
        event.user_id, phone, event.time_zone, sequence, event.max_messages_per_day, whatsapp_number=whatsapp_number
    )
