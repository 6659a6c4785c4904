"""Keeps the replica of contacts up to date."""

from collections.abc import Awaitable, Callable, Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import UserRegistered, UserUpdated
from common.persistence.transaction import Transaction
from notifications.contacts.domain import Contact
from notifications.contacts.usecases import store_contacts

CONSUMER = "notifications.people"

UserEvents = Sequence[UserRegistered] | Sequence[UserUpdated]


class Subscribers:
    """`on_stored` is called in the same transaction with the events whose contacts were stored."""

    def __init__(self, on_stored: Callable[[Transaction, UserEvents], Awaitable[None]]) -> None:
        self._on_stored = on_stored

    @subscribe(UserRegistered, consumer=CONSUMER, batch=256)
    async def on_users_registered(self, events: Sequence[UserRegistered], tx: Transaction) -> None:
        await self._store(events, tx)

    @subscribe(UserUpdated, consumer=CONSUMER, batch=256)
    async def on_users_updated(self, events: Sequence[UserUpdated], tx: Transaction) -> None:
        await self._store(events, tx)

    async def _store(self, events: UserEvents, tx: Transaction) -> None:
        await store_contacts(tx, [_contact(event, tx) for event in events])
        await self._on_stored(tx, events)


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
