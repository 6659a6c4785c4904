"""Storing contacts, and reading them for other features."""

from collections.abc import Collection, Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from notifications.contacts import store
from notifications.contacts.domain import Contact


async def store_contacts(tx: Transaction, contacts: Sequence[Contact]) -> None:
    """Store the newest state of each person. A concurrent `known_people` waits and sees it."""
    newest = {contact.user_id: contact for contact in sorted(contacts, key=lambda contact: contact.sequence)}
    await store.lock_contacts(tx, newest)
    await store.upsert_contacts(tx, newest.values())


async def lock_contacts(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Make other transactions that store or look for these contacts wait until this one ends."""
    await store.lock_contacts(tx, user_ids)


async def known_people(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of the people who have a contact. None can be added for the others before the transaction ends."""
    known = await store.known_people(tx, user_ids)
    unknown = [user_id for user_id in user_ids if user_id not in known]
    if unknown:
        await store.lock_contacts_shared(tx, unknown)
        known |= await store.known_people(tx, unknown)
    return known


async def without_erased(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    """The people, without those who were erased."""
    return set(user_ids) - await store.erased_people(tx, user_ids)
