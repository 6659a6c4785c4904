"""Runs a service's side of the bus: its relay, its consumers and the housekeeping of its bus tables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.dispatch import Dispatcher
from common.bus.relay import Relay
from common.bus.subscriptions import Consumer
from common.bus.transport import Transport
from common.persistence.database import Database
from common.persistence.rows import row_count

log = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 10.0
PURGE_INBOX_AFTER = "14 days"
PURGE_BATCH = 5000

PURGE_INBOX = """
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE accepted_at < now() - $1::text::interval LIMIT $2)
"""


class Runtime:
    """The bus tasks of one process of one service."""

    def __init__(self, service: str, database: Database, transport: Transport, consumers: Sequence[Consumer]) -> None:
        # A connection for the relay, one for housekeeping, one for each consumer.
        self._database = database.apart(pool_size=2 + len(consumers))
        self._transport = transport
        self._consumers = consumers
        self._limits = {consumer.name: DeadLetterLimit(consumer.name) for consumer in consumers}
        self._relay = Relay(service, self._database, transport)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, workers: bool = True) -> None:
        """Declare the consumers' queues, then relay; with `workers` also consume and do the housekeeping."""
        await self._transport.declare(self._consumers)
        self._spawn("relay", self._relay.run())
        if workers:
            for consumer in self._consumers:
                dispatcher = Dispatcher(consumer, self._database)
                consuming = self._transport.consume(consumer, dispatcher, self._limits[consumer.name])
                self._spawn(consumer.name, consuming)
            self._spawn("housekeeping", self._run_housekeeping())

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    @property
    def failed(self) -> list[str]:
        """The names of tasks that have ended, which they never should: a reason not to be ready."""
        return [task.get_name() for task in self._tasks if task.done()]

    @property
    def stopped(self) -> list[str]:
        """The consumers that have stopped at their limit of dead letters."""
        return [name for name, limit in self._limits.items() if limit.reached]

    async def stop(self) -> None:
        """Cancel the tasks and wait for them. Unfinished deliveries come again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._database.close()

    async def _run_housekeeping(self) -> None:
        while True:
            try:
                await self._relay.measure()
                await self._relay.purge()
                await self._purge_inbox()
            except Exception:
                log.exception("housekeeping failed and will be tried again")
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _purge_inbox(self) -> None:
        """Delete old entries, a batch per transaction, until there are no more."""
        full = True
        while full:
            async with self._database.begin() as tx:
                full = row_count(await tx.sql.execute(PURGE_INBOX, PURGE_INBOX_AFTER, PURGE_BATCH)) == PURGE_BATCH
