"""What runs on a clock: retention, and the depth of the dead letters as a metric."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common import clock, metrics
from common.jobs import Job
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from operations.queries import waiting_by_queue

RETENTION_EVERY = 600.0
DEPTH_EVERY = 10.0

Forget = Callable[[Transaction, datetime], Awaitable[int]]


def retention(name: str, database: Database, forget: Forget, keep: timedelta) -> Job:
    """Forgets what is older than `keep`, a batch per run and transaction."""

    async def run() -> int:
        async with database.begin() as tx:
            return await forget(tx, clock.now() - keep)

    return Job(name, RETENTION_EVERY, run)


def dead_letter_depth(database: Database) -> Job:
    async def run() -> None:
        async with database.begin() as tx:
            waiting = await waiting_by_queue(tx)
        # Cleared first: a queue whose letters are all decided is not in the answer.
        metrics.DEAD_LETTERS.clear()
        for queue, count in waiting.items():
            metrics.DEAD_LETTERS.labels(queue).set(count)

    return Job("dead-letters.depth", DEPTH_EVERY, run)
