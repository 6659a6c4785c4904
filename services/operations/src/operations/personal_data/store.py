"""Erased people, and where the other features store data about a person. A new table with such data is added here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.persistence.rows import columns
from common.persistence.transaction import Transaction

ERASURE_LOCK = 0x65726173
"""An advisory lock: exclusive for an erasure, shared for writers of data, so that neither misses the other's rows."""

LOCK = "SELECT pg_advisory_xact_lock($1)"
LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared($1)"

INSERT_ERASED = """
INSERT INTO erased_person (user_id, erased_at) SELECT DISTINCT unnest($1::uuid[]), $2::timestamptz
ON CONFLICT DO NOTHING
"""
ERASED = "SELECT user_id::text FROM erased_person WHERE user_id::text = ANY($1::text[])"

EVENTS_OF_ERASED = """
SELECT event.id, data, user_id::text FROM event JOIN erased_person
    ON user_id::text = coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id')
WHERE event.id = ANY($1::uuid[])
"""
EVENTS_AFTER = """
SELECT id, data FROM event
WHERE coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id') = ANY($1::text[]) AND id > $2
ORDER BY id LIMIT $3
"""
UPDATE_EVENTS = """
UPDATE event SET data = fresh.data FROM unnest($1::uuid[], $2::jsonb[]) AS fresh (id, data) WHERE event.id = fresh.id
"""
# Events and dead letters are anonymised one by one, because their data is JSON.
ERASE_STATEMENTS = ("UPDATE request SET ip = NULL, user_agent = NULL WHERE user_id = ANY($1::uuid[])",)

DEAD_LETTERS = "SELECT id, payload FROM dead_letter WHERE position(convert_to($1::text, 'UTF8') IN payload) > 0"
# The text after the error's class may quote the data.
UPDATE_DEAD_LETTER = "UPDATE dead_letter SET payload = $2, error = split_part(error, ':', 1) WHERE id = $1"

EXPORT_EVENTS = """
SELECT id, type, time, data - 'sealed' - 'public_key' AS data FROM event
WHERE coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id') = ($1::uuid)::text ORDER BY id DESC
"""
EXPORT_REQUESTS = """
SELECT request_id, at, method, path, status, service, ip, user_agent, times FROM request
WHERE user_id = $1 ORDER BY id DESC
"""
EXPORT_QUERIES = {"requests": EXPORT_REQUESTS, "events": EXPORT_EVENTS}

EventData = tuple[UUID, Any]


async def lock_erasures(tx: Transaction) -> None:
    """Wait for the writers of data, and block new ones until the transaction ends."""
    await tx.sql.execute(LOCK, ERASURE_LOCK)


async def lock_erasures_shared(tx: Transaction) -> None:
    """Block erasures until the transaction ends."""
    await tx.sql.execute(LOCK_SHARED, ERASURE_LOCK)


async def insert_erased(tx: Transaction, user_ids: Sequence[UUID], now: datetime) -> None:
    await tx.sql.execute(INSERT_ERASED, user_ids, now)


async def erased_among(tx: Transaction, people: Collection[str]) -> set[str]:
    return {row["user_id"] for row in await tx.sql.fetch(ERASED, list(people))}


async def events_of_erased(tx: Transaction, event_ids: Sequence[UUID]) -> Sequence[Mapping[str, Any]]:
    """Those of the events that are about erased people: `id`, `data`, `user_id`."""
    rows: Sequence[Mapping[str, Any]] = await tx.sql.fetch(EVENTS_OF_ERASED, event_ids)
    return rows


async def events_after(tx: Transaction, people: Collection[str], last: UUID, limit: int) -> list[EventData]:
    """The data of the next events about these people, ordered by id."""
    rows = await tx.sql.fetch(EVENTS_AFTER, list(people), last, limit)
    return [(row["id"], row["data"]) for row in rows]


async def update_events(tx: Transaction, events: Iterable[tuple[UUID, str]]) -> None:
    """Replace the data, given as JSON."""
    await tx.sql.execute(UPDATE_EVENTS, *columns(events))


async def erase(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Remove address and user agent from the requests of these people."""
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, user_ids)


async def dead_letters_about(tx: Transaction, person: str) -> list[tuple[UUID, bytes]]:
    """The payloads that contain the person's id."""
    return [(row["id"], row["payload"]) for row in await tx.sql.fetch(DEAD_LETTERS, person)]


async def update_dead_letter(tx: Transaction, dead_letter_id: UUID, payload: bytes) -> None:
    """Replace the payload, and shorten the error to its class."""
    await tx.sql.execute(UPDATE_DEAD_LETTER, dead_letter_id, payload)
