"""Journal, request log and dead letters lose what they tell of people who were erased, also what comes later."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.persistence.transaction import Transaction
from operations.domain.anonymity import people_in, without

ERASURE = 0x65726173
"""Of the advisory lock: held by who erases, shared by who keeps, so that neither misses what the other writes."""

LOCK = "SELECT pg_advisory_xact_lock($1)"
LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared($1)"
REMEMBER = """
INSERT INTO erased_person (user_id, erased_at) SELECT DISTINCT unnest($1::uuid[]), $2::timestamptz
ON CONFLICT DO NOTHING
"""
ERASED = "SELECT user_id::text FROM erased_person WHERE user_id::text = ANY($1::text[])"
EVENTS = """
SELECT id, data FROM event
WHERE coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id') = ANY($1::text[]) AND id > $2
ORDER BY id LIMIT $3
"""
CHANGE_EVENTS = """
UPDATE event SET data = fresh.data FROM unnest($1::uuid[], $2::jsonb[]) AS fresh (id, data) WHERE event.id = fresh.id
"""
BLANK_REQUESTS = "UPDATE request SET ip = NULL, user_agent = NULL WHERE user_id = ANY($1::uuid[])"
LETTERS = "SELECT id, payload FROM dead_letter WHERE position(convert_to($1::text, 'UTF8') IN payload) > 0"
# What went wrong may quote what was wrong.
CHANGE_LETTER = "UPDATE dead_letter SET payload = $2, error = split_part(error, ':', 1) WHERE id = $1"

FIRST = UUID(int=0)
BATCH = 500


async def erase_people(tx: Transaction, user_ids: Sequence[UUID], now: datetime) -> None:
    await tx.sql.execute(LOCK, ERASURE)
    await tx.sql.execute(REMEMBER, user_ids, now)
    await tx.sql.execute(BLANK_REQUESTS, user_ids)
    people = {str(user_id) for user_id in user_ids}
    await _change_events(tx, people)
    for person in people:
        for letter in await tx.sql.fetch(LETTERS, person):
            await tx.sql.execute(CHANGE_LETTER, letter["id"], anonymised(letter["payload"], {person}))


async def begin_keeping(tx: Transaction) -> None:
    """Whoever is erased while this transaction lasts is erased after it: what it keeps is found."""
    await tx.sql.execute(LOCK_SHARED, ERASURE)


async def erased_among(tx: Transaction, people: Collection[str]) -> set[str]:
    return {row["user_id"] for row in await tx.sql.fetch(ERASED, list(people))} if people else set()


def anonymised(payload: bytes, people: Collection[str]) -> bytes:
    """Data as it travels, without what it tells of these people; what is no JSON cannot be judged and goes."""
    content = _json(payload)
    return b"" if content is None else json.dumps(without(set(people), content)).encode()


def people_of(payload: bytes) -> set[str]:
    return people_in(_json(payload))


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return None


async def _change_events(tx: Transaction, people: set[str]) -> None:
    last = FIRST
    while rows := await tx.sql.fetch(EVENTS, list(people), last, BATCH):
        await change_events(tx, rows, people)
        last = rows[-1]["id"]


async def change_events(tx: Transaction, rows: Sequence[Mapping[str, Any]], people: set[str]) -> None:
    """`rows` of `id` and `data`, as the journal has them."""
    fresh = [json.dumps(without(people, row["data"])) for row in rows]
    await tx.sql.execute(CHANGE_EVENTS, [row["id"] for row in rows], fresh)
