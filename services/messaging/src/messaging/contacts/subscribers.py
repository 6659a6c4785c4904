"""Keeps the replica of contacts up to date."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from common.bus.subscriptions import subscribe
from common.contracts.auth import UserRegistered, UserUpdated
from common.persistence.transaction import Transaction
from messaging.contacts.domain import Contact, is_e164
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
    phone = event.phone if is_e164(event.phone) else None
    sequence = tx.cloud_event_of(event).sequence
    return Contact(event.user_id, phone, event.time_zone, sequence, event.max_messages_per_day)
