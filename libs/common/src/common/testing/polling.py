"""Waiting for background work, for a bounded time and without fixed sleeps."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.persistence.database import Database

T = TypeVar("T")

INTERVAL = 0.02


async def eventually(predicate: Callable[[], Awaitable[T]], within: float = 10) -> T:
    """The first truthy value of `predicate`, polled for `within` seconds; raises AssertionError after that."""
    deadline = time.monotonic() + within
    while not (value := await predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; the last answer was {value!r}")
        await asyncio.sleep(INTERVAL)
    return value


async def waits_for_a_lock(database: Database) -> bool:
    """Whether a transaction waits for an advisory lock of this database: the moment at which two sides meet."""
    async with database.begin() as tx:
        waiting: bool = await tx.sql.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())"
        )
    return waiting
