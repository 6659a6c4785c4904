"""Storing contacts, and reading them for other features."""

from collections.abc import Collection, Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from messaging.contacts import store
from messaging.contacts.domain import Contact


async def store_contacts(tx: Transaction, contacts: Sequence[Contact]) -> None:
    """Store the newest state of each person. A concurrent `phones_of` waits and sees it."""
    newest = {contact.user_id: contact for contact in sorted(contacts, key=lambda contact: contact.sequence)}
    await store.lock_contacts(tx, newest)
    await store.upsert_contacts(tx, newest.values())


async def lock_contacts(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Make other transactions that store or look for these contacts wait until this one ends."""
    await store.lock_contacts(tx, user_ids)


async def phones_of(tx: Transaction, user_ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The WhatsApp number, else the phone, else None, of each known person. No contact can be added for the others
    before the transaction ends."""
    known = await store.phones(tx, user_ids)
    unknown = [user_id for user_id in user_ids if user_id not in known]
    if unknown:
        await store.lock_contacts_shared(tx, unknown)
        known |= await store.phones(tx, unknown)
    return known


async def quota_settings(tx: Transaction, user_id: UUID) -> tuple[str, int | None]:
    """The person's time zone and own daily limit; UTC and None for an unknown person."""
    return await store.quota_settings(tx, user_id) or ("UTC", None)
