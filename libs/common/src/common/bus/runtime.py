"""Runs a service's side of the bus: its relay, its consumers and the housekeeping of its bus tables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from common.bus.dispatch import Dispatcher
from common.bus.relay import Relay
from common.bus.subscriptions import Consumer
from common.bus.transport import Transport
from common.persistence.database import Database

log = logging.getLogger(__name__)

HOUSEKEEPING_EVERY = 10.0
FORGET_INBOX_AFTER = "14 days"
FORGET_ANSWERS_AFTER = "2 days"
FORGET_BATCH = 5000

FORGET_INBOX = """
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE accepted_at < now() - $1::text::interval LIMIT $2)
"""

FORGET_ANSWERS = """
DELETE FROM idempotency WHERE (user_id, route, key) IN (
    SELECT user_id, route, key FROM idempotency WHERE created_at < now() - $1::text::interval LIMIT $2)
"""


class Runtime:
    """The bus tasks of one process of one service."""

    def __init__(self, service: str, database: Database, transport: Transport, consumers: Sequence[Consumer]) -> None:
        # For each consumer and the relay, and in one process for the relays of others that deliver here.
        self._database = database.apart(pool_size=4 + len(consumers))
        self._transport = transport
        self._consumers = consumers
        self._relay = Relay(service, self._database, transport)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, workers: bool = True) -> None:
        """Declare the consumers' queues, then relay; with `workers`, consume and keep house too."""
        await self._transport.declare(self._consumers, self._database)
        self._spawn("relay", self._relay.run())
        if workers:
            for consumer in self._consumers:
                dispatcher = Dispatcher(consumer, self._database)
                self._spawn(consumer.name, self._transport.consume(consumer, dispatcher))
            self._spawn("housekeeping", self._keep_house())

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    @property
    def failed(self) -> list[str]:
        """The names of tasks that ended although they never should: a reason not to be ready."""
        return [task.get_name() for task in self._tasks if task.done()]

    async def stop(self) -> None:
        """Cancel and wait. What was in the middle is delivered again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._database.close()

    async def _keep_house(self) -> None:
        while True:
            try:
                await self._relay.measure()
                await self._relay.purge()
                await self._forget()
            except Exception:
                log.exception("housekeeping will try again")
            await asyncio.sleep(HOUSEKEEPING_EVERY)

    async def _forget(self) -> None:
        """Old inbox entries and answers, a batch per transaction, until there are no more."""
        for statement, age in ((FORGET_INBOX, FORGET_INBOX_AFTER), (FORGET_ANSWERS, FORGET_ANSWERS_AFTER)):
            full = True
            while full:
                async with self._database.begin() as tx:
                    full = await tx.sql.execute(statement, age, FORGET_BATCH) == f"DELETE {FORGET_BATCH}"
