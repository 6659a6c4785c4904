"""Calls to the outside world (payments, refunds, messages, e-mails, webhooks): claim, call, record.

Due work is claimed and the claim committed; the call is made with no transaction open; its result is recorded in a
second transaction. A crash anywhere loses nothing: the claim's lease expires, the work is due again, and the provider
is called again with the same idempotency key.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import islice
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from common.errors import is_outage
from common.jobs import Job
from common.linger import Linger
from common.persistence.database import Database
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0
"""How long calls in flight may last at shutdown; those cut off are repeated when their lease expires."""

Work = TypeVar("Work")
Result = TypeVar("Result")


class OutboundCalls(Protocol[Work, Result]):
    """The database's and the provider's side of one kind of call to a third party."""

    async def claim(self, tx: Transaction, limit: int) -> list[Work]:
        """Lease at most `limit` due items, for longer than a call can last."""

    async def call(self, items: Sequence[Work]) -> Sequence[Result]:
        """Call the provider, bounded in time: one result per item, in order.

        An exception is logged and records nothing: the items are called again when their lease expires.
        """

    async def record(self, tx: Transaction, results: Sequence[tuple[Work, Result]]) -> None:
        """Write the results."""


class OutboundWorker(Generic[Work, Result]):
    """Makes at most `capacity` calls at a time, with up to `batch` items in each.

    A slow call delays no other. Each finished call wakes `job`, and a run records all finished calls in one
    transaction: under load, more calls finish while one run records. With `lingers`, a run waits up to 150 ms for
    more items while work is dense, for calls that cost about the same for one item as for fifty. Enter the worker as
    a resource of the service, so that calls in flight end at shutdown.
    """

    def __init__(
        self,
        name: str,
        calls: OutboundCalls[Work, Result],
        database: Database,
        *,
        capacity: int,
        batch: int = 1,
        every: float = 1.0,
        lingers: bool = False,
    ) -> None:
        self._calls = calls
        self._database = database
        self._capacity = capacity
        self._batch = batch
        self._linger = Linger() if lingers else None
        self._in_flight: set[asyncio.Task[list[tuple[Work, Result]]]] = set()
        self.job = Job(name, every, self.run)

    @property
    def in_flight(self) -> int:
        """The calls that are running, or finished and not recorded yet."""
        return len(self._in_flight)

    async def join(self) -> None:
        """Wait until all calls in flight have finished; the next run records them."""
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def run(self) -> int:
        """Record finished calls, then claim and call as many items as there is room for. How many items of both."""
        recorded = await self._record_finished()
        if self._linger:
            await self._linger.wait()
        claimed = await self._claim()
        items = iter(claimed)
        while batch := list(islice(items, self._batch)):
            task = asyncio.create_task(self._call(batch))
            task.add_done_callback(lambda _: self.job.wake())
            self._in_flight.add(task)
        return recorded + len(claimed)

    async def _claim(self) -> list[Work]:
        room = (self._capacity - len(self._in_flight)) * self._batch
        if not room:
            return []
        async with self._database.begin() as tx:
            return await self._calls.claim(tx, room)

    async def _call(self, items: Sequence[Work]) -> list[tuple[Work, Result]]:
        started = time.monotonic()
        try:
            return list(zip(items, await self._calls.call(items), strict=True))
        except Exception:
            log.exception("%s: a call failed, it is made again when its lease expires", self.job.name)
            return []
        finally:
            if self._linger and len(items) < self._batch:
                self._linger.worked(time.monotonic() - started)

    async def _record_finished(self) -> int:
        # If the database is unavailable now, these results are lost and the items are called again: their leases may
        # end before it is back, and a result from before another worker's call must not be recorded after it.
        finished = {task for task in self._in_flight if task.done()}
        self._in_flight -= finished
        results = [pair for task in finished if not task.cancelled() for pair in task.result()]
        if results:
            await self._record(results)
        return len(results)

    async def _record(self, results: Sequence[tuple[Work, Result]]) -> None:
        try:
            async with self._database.begin() as tx:
                await self._calls.record(tx, results)
        except Exception as error:
            if is_outage(error):
                raise
            if len(results) == 1:
                log.exception("%s: a result could not be recorded, the call is made again", self.job.name)
                return
            for result in results:
                await self._record([result])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._in_flight:
            return
        _, late = await asyncio.wait(self._in_flight, timeout=SHUTDOWN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._record_finished()
