"""Money moves here: due work is claimed, committed, carried to its provider, and what came of it recorded.

A crash anywhere loses nothing: a claim runs out, the work falls due again, and the provider is asked again with the
same idempotency key.
"""

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from common.errors import is_outage
from common.jobs import Job
from common.persistence.database import Database
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

EVERY = 1.0
FAREWELL = 2.0
"""Seconds that calls in flight are given at shutdown; those cut off are asked about again at the next start."""

W = TypeVar("W")
R = TypeVar("R")


class Desk(Protocol[W, R]):
    """One kind of work for providers."""

    async def claim(self, tx: Transaction, limit: int) -> list[W]:
        """Take due work for longer than a call can last."""

    async def ask(self, work: W) -> R:
        """Call the provider, bounded in time. Never raises."""

    async def record(self, tx: Transaction, reports: Sequence[tuple[W, R]]) -> None:
        """Write down what came of it."""


class Teller(Generic[W, R]):
    """Runs a desk: up to `capacity` calls at once, and every outcome that is in recorded in one transaction.

    A slow call holds nobody up. Each finished call wakes the job; while one run records, more calls finish, so under
    load the next run finds many.
    """

    def __init__(self, name: str, desk: Desk[W, R], database: Database, capacity: int) -> None:
        self._desk = desk
        self._database = database
        self._capacity = capacity
        self._calls: set[asyncio.Task[tuple[W, R]]] = set()
        self.job = Job(name, EVERY, self.run)

    async def run(self) -> int:
        """Record what has finished, then claim and start as many as there is room for. How many of both."""
        finished = await self._record_finished()
        async with self._database.begin() as tx:
            claimed = await self._desk.claim(tx, self._capacity - len(self._calls))
        for work in claimed:
            call = asyncio.create_task(self._ask(work))
            call.add_done_callback(lambda _: self.job.wake())
            self._calls.add(call)
        return finished + len(claimed)

    async def _ask(self, work: W) -> tuple[W, R]:
        return work, await self._desk.ask(work)

    async def _record_finished(self) -> int:
        finished = {call for call in self._calls if call.done()}
        self._calls -= finished
        if finished:
            await self._record([call.result() for call in finished])
        return len(finished)

    async def _record(self, reports: Sequence[tuple[W, R]]) -> None:
        try:
            async with self._database.begin() as tx:
                await self._desk.record(tx, reports)
        except Exception as error:
            if is_outage(error):
                raise
            if len(reports) == 1:
                log.exception("a report could not be recorded, its provider will be asked again")
                return
            for report in reports:
                await self._record([report])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._calls:
            return
        _, hanging = await asyncio.wait(self._calls, timeout=FAREWELL)
        for call in hanging:
            call.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        self._calls -= hanging
        await self._record_finished()
