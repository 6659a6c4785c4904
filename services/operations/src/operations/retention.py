"""Retention: a job per table deletes rows that are older than they must be."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common import clock
from common.jobs import Job
from common.persistence.database import Database
from common.persistence.transaction import Transaction

EVERY_SECONDS = 600.0
BATCH = 5000

DeleteBefore = Callable[[Transaction, datetime, int], Awaitable[str]]
"""Deletes at most so many rows from before a time; returns the command tag, such as `DELETE 3`."""


def retention(name: str, database: Database, delete_before: DeleteBefore, age: timedelta) -> Job:
    """A job that deletes rows older than `age`, a batch per run and transaction."""

    async def run() -> int:
        async with database.begin() as tx:
            tag = await delete_before(tx, clock.now() - age, BATCH)
        return int(tag.rpartition(" ")[2])

    return Job(name, EVERY_SECONDS, run)
