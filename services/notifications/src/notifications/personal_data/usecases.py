"""Erasing people."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from notifications.contacts.usecases import lock_contacts
from notifications.personal_data import store


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Delete all data of these people, queued e-mails included, and leave tombstones as contacts.

    A concurrent transaction that writes notices must be followed by another erasure: both consumers that write about
    people handle UserErased.
    """
    await lock_contacts(tx, user_ids)
    await store.erase(tx, user_ids)
