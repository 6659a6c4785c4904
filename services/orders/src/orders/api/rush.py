"""Turning checkouts away while too many wait for their first step: "come back shortly" is an answer, an order that
nobody gets round to before its deadline is none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common import clock
from common.errors import Unavailable
from common.jobs import Job, run_jobs
from common.persistence.database import Database
from orders.domain.order import Deadlines
from orders.domain.saga import Status

LOOK_EVERY = 0.5
RETRY_AFTER = 5

# By the index of deadlines: those further off are of orders that wait for money.
WAITING = """
SELECT count(*) FROM (SELECT FROM orders WHERE deadline <= $1 AND status = 'pending' LIMIT $2) pending
"""


class Rush:
    """Looks twice a second, in every process that takes orders, whether `most` of all orders are pending."""

    def __init__(self, database: Database, most: int, deadlines: Deadlines) -> None:
        self._database = database
        self._most = most
        self._deadlines = deadlines
        self._waiting = 0

    def refusal(self) -> Unavailable | None:
        """What to tell who wants to order now; None when there is room."""
        if self._waiting < self._most:
            return None
        return Unavailable("Too many orders are on their way, try again shortly", retry_after=RETRY_AFTER, code="rush")

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async with run_jobs("orders", [Job("orders.rush", LOOK_EVERY, self._look)]):
            yield

    async def _look(self) -> None:
        latest = self._deadlines.of(Status.PENDING, clock.now())
        async with self._database.begin() as tx:
            self._waiting = await tx.sql.fetchval(WAITING, latest, self._most)
