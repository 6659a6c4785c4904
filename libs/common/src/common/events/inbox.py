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
    """Record the ids; returns those that are new to this consumer.

    Waits for a concurrent transaction that accepts some of them. Inserts in sorted order, so that two transactions with
    overlapping ids cannot deadlock.
    """
    # Sort by `.int`: `UUID.__lt__` is slow Python code.
    rows = await sql.fetch(ACCEPT, consumer, sorted(set(ids), key=attrgetter("int")))
    return {row["event_id"] for row in rows}
