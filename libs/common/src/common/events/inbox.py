"""The inbox: each consumer accepts an event once, in the transaction that holds its effect."""

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

import asyncpg

ACCEPT = """
INSERT INTO inbox (consumer, event_id) SELECT $1, unnest($2::uuid[])
ON CONFLICT DO NOTHING RETURNING event_id
"""


async def accept(sql: asyncpg.Connection, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
    """The ids not seen before by this consumer. Waits for a concurrent transaction that accepts the same ones.

    Sorted, so that two transactions that accept overlapping sets cannot deadlock.
    """
    # By their numbers: an UUID compares itself in Python.
    rows = await sql.fetch(ACCEPT, consumer, sorted(set(ids), key=attrgetter("int")))
    return {row["event_id"] for row in rows}
