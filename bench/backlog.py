"""The backlog of a platform: open orders, unpublished events, unconsumed messages."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Self

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel

from bench.context import BenchContext
from dukan.services import SERVICES

OPEN = "SELECT count(*) FROM orders WHERE deadline IS NOT NULL"
PENDING = """
SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL AND dead_at IS NULL) AS outbox,
       (SELECT count(*) FROM delivery) AS deliveries
"""
CONSUMERS = "SELECT DISTINCT consumer FROM inbox"


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting` counts messages in queues (RabbitMQ) or delivery tables (embedded) that no consumer has taken."""

    seconds: float
    orders: int
    outbox: int
    waiting: int

    @property
    def total(self) -> int:
        return self.orders + self.outbox + self.waiting

    def __str__(self) -> str:
        return f"{self.orders} orders open, {self.outbox} events to publish, {self.waiting} messages waiting"

    def as_json(self) -> dict[str, float]:
        return {**asdict(self), "seconds": round(self.seconds, 1)}


@dataclass
class BacklogMonitor:
    """Polls the databases and the broker of the platform; times are seconds since `open`."""

    context: BenchContext
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _databases: dict[str, asyncpg.Connection] = field(default_factory=dict)
    _channel: AbstractChannel | None = None
    _queues: Sequence[str] = ()
    _started: float = 0.0

    async def __aenter__(self) -> Self:
        """Raises Unavailable if the databases cannot be reached."""
        for service in SERVICES:
            connection = await asyncpg.connect(self.context.database_url(service), timeout=10, command_timeout=10)
            self._stack.push_async_callback(connection.close)
            self._databases[service] = connection
        if amqp := self.context.platform.amqp:
            link = await self._stack.enter_async_context(await aio_pika.connect(amqp, timeout=10))
            self._channel = await link.channel()
            self._queues = await self._names()
        self._started = time.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _names(self) -> list[str]:
        """The queues of all consumers that have handled an event."""
        rows = [row for each in self._databases.values() for row in await each.fetch(CONSUMERS)]
        return [f"{row['consumer']}.v1" for row in rows]

    async def look(self) -> Backlog:
        orders = await self._databases["orders"].fetchval(OPEN)
        found = [await each.fetchrow(PENDING) for each in self._databases.values()]
        waiting = sum(row["deliveries"] for row in found) + await self._messages()
        return Backlog(time.monotonic() - self._started, orders, sum(row["outbox"] for row in found), waiting)

    async def _messages(self) -> int:
        if self._channel is None:
            return 0
        declared = [await self._channel.declare_queue(name, passive=True) for name in self._queues]
        return sum(queue.declaration_result.message_count or 0 for queue in declared)

    @property
    def orders(self) -> asyncpg.Connection:
        return self._databases["orders"]


def mean(looks: Sequence[Backlog]) -> float:
    return sum(look.total for look in looks) / len(looks) if looks else 0.0
