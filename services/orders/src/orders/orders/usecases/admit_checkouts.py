"""Admission control: while too many orders wait for catalog, new checkouts are rejected with `Retry-After`.

A rejected client can try again; an order that is not processed before its deadline is cancelled.
"""

from common import clock
from common.persistence.database import Database
from orders.orders.domain.checkout import Deadlines
from orders.orders.store.reads import count_pending


class AdmissionControl:
    """Rejects checkouts while `max_pending` orders of all processes are pending, as of the last measurement."""

    def __init__(self, database: Database, max_pending: int, deadlines: Deadlines) -> None:
        self._database = database
        self._max_pending = max_pending
        self._deadlines = deadlines
        self._pending = 0

    @property
    def is_overloaded(self) -> bool:
        return self._pending >= self._max_pending

    async def measure(self) -> None:
        """Count the pending orders; a job of every process that takes orders."""
        latest_deadline = clock.now() + self._deadlines.stock
        async with self._database.begin() as tx:
            self._pending = await count_pending(tx, latest_deadline, self._max_pending)
