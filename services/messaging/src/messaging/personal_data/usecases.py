"""Erasing people."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from messaging.contacts.usecases import lock_contacts
from messaging.personal_data import store


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Delete all data of these people, queued messages included, and leave tombstones as contacts.

    A concurrent transaction that queues messages must be followed by another erasure: both consumers that write about
    people handle UserErased.
    """
    await lock_contacts(tx, user_ids)
    await store.erase(tx, user_ids)
