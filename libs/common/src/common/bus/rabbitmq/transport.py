"""The RabbitMQ transport: one connection that publishes, one that consumes, a channel for each queue (ADR 15)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from common import jobs, metrics
from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import Handle
from common.bus.rabbitmq import listener, topology
from common.bus.rabbitmq.channel import ConsumeChannel
from common.bus.rabbitmq.connector import Connector
from common.bus.rabbitmq.consumer import QueueConsumer
from common.bus.rabbitmq.frames import Publication
from common.bus.rabbitmq.messages import properties_of
from common.bus.rabbitmq.publisher import Publisher
from common.bus.subscriptions import Consumer
from common.bus.transport import OutboundEvent
from common.contracts.exchange import EVENTS
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.jobs import OUTAGE_BACKOFF

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
STABLE_SECONDS = 10.0
"""A run that lasted longer was healthy: the pauses after it begin anew."""

LISTEN_SECONDS = 10.0


class RabbitTransport:
    """Carries events over RabbitMQ 3.10 or newer. `name` shows in the broker's list of connections."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        # Two connections: a broker that is short of memory stops reading from those that publish.
        self._publishing = Connector(url, f"{name}.publish")
        self._consuming = Connector(url, f"{name}.consume")
        self._relay_publisher = Publisher(self._publishing)
        self._republisher = Publisher(self._publishing)
        self._tasks: set[asyncio.Task[None]] = set()
        for connection, connector in (("publish", self._publishing), ("consume", self._consuming)):
            metrics.BROKER_CONNECTED.labels(name, connection).set_function(partial(_is_connected, connector))

    @property
    def connected(self) -> bool:
        return self._publishing.connected

    async def start(self) -> None:
        """Declare what every service needs, and connect. Raises ConnectionError if the broker is not reachable."""
        async with topology.declaring(self._url) as broker:
            await topology.declare_platform(broker)
        await self._relay_publisher.open()
        self._spawn(self._stay_connected())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._publishing.close(), self._consuming.close())

    async def declare(self, consumers: Sequence[Consumer]) -> None:
        async with topology.declaring(self._url) as broker:
            await topology.declare_consumers(broker, consumers)

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Write the whole batch in order on one channel, then wait for the confirms together, a bounded time."""
        return await self._relay_publisher.publish([_publication(outgoing) for outgoing in batch])

    async def consume(self, consumer: Consumer, handle: Handle, limit: DeadLetterLimit) -> None:
        """Consume for ever; after a lost connection, a cancelled consumer or a hand-over it begins again."""
        queue = QueueConsumer(consumer, handle, self._republisher.publish, limit)

        async def run() -> None:
            async with self._channel() as channel:
                await queue.run(channel)
            if limit.reached:
                await limit.pause()

        await _run_again(consumer.name, run)

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        """Returns when the first queue is bound. Raises ConnectionError if that takes too long."""
        bound = asyncio.Event()

        async def run() -> None:
            async with self._channel() as channel:
                # A new name each time: the broker may still hold the former queue for a connection that is gone.
                await listener.subscribe(channel, f"{self._name}.listen.{new_id()}", types)
                bound.set()
                await listener.deliver(channel, callback)

        task = self._spawn(_run_again("a listener", run))
        if not await jobs.wait(bound, LISTEN_SECONDS):
            task.cancel()
            raise ConnectionError("the listener's queue could not be bound in time")

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[ConsumeChannel]:
        connection = await self._consuming.get()
        async with connection.channel(ConsumeChannel) as channel:
            yield channel

    async def _stay_connected(self) -> None:
        """Reconnect without waiting for an event to publish: the first event after an outage must not wait."""
        while True:
            await asyncio.sleep(RECONNECT_SECONDS)
            try:
                await self._relay_publisher.open()
            except ConnectionError as error:
                log.warning("not connected to the broker: %s", error)
            except Exception:
                # Nothing may end this loop: without it an idle process would stay disconnected until it publishes.
                log.exception("connecting to the broker failed")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _run_again(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run for ever: again at once after a normal end, and after a growing pause if it failed."""
    failures = 0
    while True:
        started = time.monotonic()
        try:
            await run()
        except Exception as error:
            # What could not be settled is delivered again.
            failures = failures + 1 if time.monotonic() - started < STABLE_SECONDS else 1
            pause = OUTAGE_BACKOFF.after(failures)
            known = isinstance(error, ConnectionError)
            log.warning("%s begins again in %.1f s: %r", name, pause, error, exc_info=None if known else error)
            await asyncio.sleep(pause)


def _is_connected(connector: Connector) -> float:
    return float(connector.connected)


def _publication(outgoing: OutboundEvent) -> Publication:
    exchange, key = EVENTS.name, outgoing.cloud_event.type
    if outgoing.queue is not None:
        exchange, key = "", outgoing.queue
    return Publication(exchange, key, properties_of(outgoing.cloud_event), outgoing.cloud_event.data)
