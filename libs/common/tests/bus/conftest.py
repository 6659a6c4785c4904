"""A bus under test: two services, each with a database, over either transport."""

import asyncio
import contextlib
import os
import random
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import asyncpg
import pytest

from common.bus.embedded import EmbeddedTransport
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.runtime import Runtime
from common.bus.subscriptions import collect
from common.bus.transport import Transport
from common.contracts.event import Event, registry
from common.persistence.database import Database
from common.persistence.schema import BUS_TABLES

EFFECTS = "CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer text, note text)"


def word() -> str:
    """A random word of letters: wire types allow no digits."""
    return "".join(random.choices(string.ascii_lowercase, k=12))


@pytest.fixture
async def new_database() -> AsyncIterator[Callable[[], Awaitable[Database]]]:
    """Makes databases that have the bus tables and a table for effects; drops them afterwards."""
    root = os.environ["DUKAN_TEST_POSTGRES_URL"]
    opened: list[tuple[str, Database]] = []

    async def make() -> Database:
        name = f"bus_{uuid4().hex}"
        admin = await asyncpg.connect(root)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        database = Database(f"{root.rsplit('/', 1)[0]}/{name}", pool_size=8)
        async with database.begin() as tx:
            await tx.sql.execute(BUS_TABLES)
            await tx.sql.execute(EFFECTS)
        opened.append((name, database))
        return database

    yield make
    for name, database in opened:
        await database.close()
        admin = await asyncpg.connect(root)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@dataclass
class Bus:
    """One publishing service, any number of subscribing ones."""

    transport: Transport
    publisher: Database
    subscriber: Database
    event: type[Any]
    name: str
    running: list[Runtime] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)

    async def serve(self, *holders: Any) -> Runtime:
        """Run the handlers as a service on the subscriber's database."""
        consumers = collect(*holders)
        self.queues += [consumer.queue for consumer in consumers]
        runtime = Runtime(self.name, self.subscriber, self.transport, consumers)
        await runtime.start()
        self.running.append(runtime)
        return runtime

    async def relay(self) -> Runtime:
        runtime = Runtime("publisher", self.publisher, self.transport, [])
        await runtime.start(workers=False)
        self.running.append(runtime)
        return runtime

    async def publish(self, *notes: str, subject: str = "a") -> None:
        """Commit the notes as events, a transaction each."""
        for note in notes:
            async with self.publisher.begin() as tx:
                tx.publish(self.event(subject_id=subject, note=note))

    async def effects(self, consumer: str | None = None) -> list[str]:
        async with self.subscriber.begin() as tx:
            rows = await tx.sql.fetch(
                "SELECT note FROM effect WHERE $1::text IS NULL OR consumer = $1 ORDER BY id", consumer
            )
        return [row["note"] for row in rows]

    async def stop(self) -> None:
        for runtime in self.running:
            await runtime.stop()
        self.running.clear()


async def record(tx: Any, consumer: str, *notes: str) -> None:
    """The effect that a handler of these tests has."""
    await tx.sql.executemany("INSERT INTO effect (consumer, note) VALUES ($1, $2)", [(consumer, n) for n in notes])


def new_event() -> type[Event]:
    wire = f"test.{word()}.noted.v1"

    class Noted(Event):
        type: ClassVar[str] = wire
        subject_field: ClassVar[str] = "subject_id"
        subject_id: str
        note: str

    return Noted


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)])
async def bus(request: pytest.FixtureRequest, new_database: Any) -> AsyncIterator[Bus]:
    publisher, subscriber = await new_database(), await new_database()
    transport: Transport
    if request.param == "embedded":
        transport = EmbeddedTransport(poll_seconds=0.05).bound(subscriber)
    else:
        transport = RabbitTransport(os.environ["AMQP_URL"], "test")
    await transport.start()
    event = new_event()
    bus = Bus(transport, publisher, subscriber, event, f"test{word()}")
    yield bus
    await bus.stop()
    registry.pop(event.type)
    await transport.close()
    if request.param == "rabbitmq":
        await delete_queues(bus.queues)


async def delete_queues(queues: list[str]) -> None:
    from aio_pika import connect  # noqa: PLC0415  (only with a broker)

    connection = await connect(os.environ["AMQP_URL"])
    for queue in queues:
        if not queue.startswith("operations."):
            channel = await connection.channel()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(channel.queue_delete(queue), 5)
    await connection.close()
