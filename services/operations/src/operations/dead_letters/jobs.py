"""Reports the number of waiting dead letters as a metric."""

from common import metrics
from common.jobs import Job
from common.persistence.database import Database
from operations.dead_letters.store import waiting_by_queue

DEPTH_EVERY_SECONDS = 10.0


def dead_letter_depth(database: Database) -> Job:
    async def run() -> None:
        async with database.begin() as tx:
            waiting = await waiting_by_queue(tx)
        # Cleared first: a queue whose dead letters are all decided is not in the result.
        metrics.DEAD_LETTERS.clear()
        for queue, count in waiting.items():
            metrics.DEAD_LETTERS.labels(queue).set(count)

    return Job("dead-letters.depth", DEPTH_EVERY_SECONDS, run)
