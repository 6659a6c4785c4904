"""Erasing people: journal, request log and dead letters are anonymised, and so is what is stored about them later."""

import json
from collections.abc import Collection, Sequence
from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction
from operations.personal_data import store
from operations.personal_data.domain import anonymise, anonymise_payload

FIRST = UUID(int=0)
BATCH = 500


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Anonymise everything that is stored about these people."""
    await store.lock_erasures(tx)
    await store.insert_erased(tx, user_ids, clock.now())
    await store.erase(tx, user_ids)
    people = {str(user_id) for user_id in user_ids}
    await _anonymise_events(tx, people)
    for person in people:
        for dead_letter_id, payload in await store.dead_letters_about(tx, person):
            await store.update_dead_letter(tx, dead_letter_id, anonymise_payload(payload, {person}))


async def delay_erasures(tx: Transaction) -> None:
    """Make erasures wait for this transaction, so that they find the rows that it writes."""
    await store.lock_erasures_shared(tx)


async def erased_among(tx: Transaction, people: Collection[str]) -> set[str]:
    """Those of the people who were erased."""
    return await store.erased_among(tx, people) if people else set()


async def anonymise_events_of_erased(tx: Transaction, event_ids: Sequence[UUID]) -> None:
    """Anonymise those of the events that are about erased people."""
    if rows := await store.events_of_erased(tx, event_ids):
        people = {row["user_id"] for row in rows}
        await store.update_events(tx, [(row["id"], json.dumps(anonymise(row["data"], people))) for row in rows])


async def _anonymise_events(tx: Transaction, people: set[str]) -> None:
    last = FIRST
    while events := await store.events_after(tx, people, last, BATCH):
        await store.update_events(tx, [(event_id, json.dumps(anonymise(data, people))) for event_id, data in events])
        last = events[-1][0]
