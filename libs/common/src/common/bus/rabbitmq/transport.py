"""The RabbitMQ transport.

FastStream owns the topology and the fan-out listeners. The relay's publishes and the consumers' batches are the
platform's hot path and speak to the channel directly (ADR 3 has the measurements).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from faststream import AckPolicy, StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from common.bus.rabbitmq import topology
from common.bus.rabbitmq.consumer import consume_queue
from common.bus.rabbitmq.frames import Publication
from common.bus.rabbitmq.intake import Intake
from common.bus.rabbitmq.link import BROKER_ERRORS, CLOSE_TIMEOUT, CONNECT_TIMEOUT
from common.bus.rabbitmq.messages import properties_of
from common.bus.rabbitmq.publisher import Publisher
from common.bus.subscriptions import Consumer
from common.bus.transport import Handle, OutboundEvent
from common.events.cloudevent import CloudEvent, MalformedCloudEvent
from common.ids import new_id
from common.persistence.database import Database

log = logging.getLogger(__name__)

RECONNECT_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


class RabbitTransport:
    """Carries events over RabbitMQ 3.10 or newer. `name` shows in the broker's list of connections."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._relayed = Publisher(url, f"{name}.publish")
        self._passed_on = Publisher(url, f"{name}.pass-on")
        self._passing_on = asyncio.Lock()
        self._broker = RabbitBroker(
            url,
            logger=None,
            # The decoder makes envelopes: there is nothing left for FastStream to validate or inject.
            apply_types=False,
            timeout=CONNECT_TIMEOUT,
            graceful_timeout=2.0,
            default_channel=Channel(prefetch_count=100, on_return_raises=True),
        )

    @property
    def connected(self) -> bool:
        return self._relayed.connected

    async def start(self) -> None:
        """Connect and declare what every service needs. Raises ConnectionError when the broker is not there."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._broker.start()
                await topology.declare_platform(self._broker)
                await self._relayed.open()
        except BROKER_ERRORS as error:
            # What was begun would go on by itself, and the next attempt would meet its closed channels.
            await self._leave(CLOSE_TIMEOUT)
            raise ConnectionError(f"broker not reachable: {error!r}") from error

    async def close(self) -> None:
        await self._leave(CONNECT_TIMEOUT)

    async def _leave(self, within: float) -> None:
        with contextlib.suppress(*BROKER_ERRORS):
            await asyncio.wait_for(self._broker.stop(), within)
        await self._relayed.drop()
        await self._passed_on.drop()

    async def declare(
        self,
        consumers: Sequence[Consumer],
        database: Database | None,  # noqa: ARG002  (the embedded transport's deliveries live there)
    ) -> None:
        await topology.declare_consumers(self._broker, consumers)

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Write the whole batch in order on one channel, then wait for the confirms together, a bounded time."""
        return await self._relayed.publish([_publication(outgoing) for outgoing in batch])

    async def _pass_on(self, message: Publication) -> None:
        # One at a time: of two copies of one event in flight, confirms could not be told apart.
        async with self._passing_on:
            (failure,) = await self._passed_on.publish([message])
        if failure is not None:
            raise failure

    async def consume(self, consumer: Consumer, handle: Handle) -> None:
        """Consume for ever; a lost connection or a cancelled consumer is taken up again after a pause."""
        failures = 0
        while True:
            try:
                async with Intake.opened(self._url, f"{self._name}.consume") as intake:
                    failures = 0
                    await consume_queue(intake, consumer, handle, self._pass_on)
            except Exception as error:
                pause = RECONNECT_PAUSES[min(failures, len(RECONNECT_PAUSES) - 1)]
                failures += 1
                # A consumer never gives up: what it could not settle is delivered again.
                known = isinstance(error, BROKER_ERRORS)
                log.warning("%s again in %.1f s: %r", consumer.name, pause, error, exc_info=None if known else error)
                await asyncio.sleep(pause)

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        for event_type in types:
            # Named by us: FastStream takes queues of one name, an empty one too, for the same queue.
            name = f"{self._name}.listen.{new_id()}"
            own = RabbitQueue(name, exclusive=True, auto_delete=True, durable=False, routing_key=event_type)
            subscriber = self._broker.subscriber(own, topology.EVENTS, decoder=_decode, ack_policy=AckPolicy.ACK_FIRST)
            subscriber(_listener(callback))
            await subscriber.start()


def _listener(callback: Callable[[CloudEvent], None]) -> Callable[[CloudEvent | None], Awaitable[None]]:
    async def heard(cloud_event: CloudEvent | None) -> None:
        if cloud_event is not None:
            callback(cloud_event)

    return heard


async def _decode(message: StreamMessage[Any]) -> CloudEvent | None:
    """None for what is no event: a listener promises nothing, so it may skip."""
    try:
        return CloudEvent.from_headers(message.headers, message.correlation_id, message.body)
    except MalformedCloudEvent as error:
        log.warning("a listener skipped a message: %s", error)
        return None


def _publication(outgoing: OutboundEvent) -> Publication:
    exchange, key = topology.EVENTS.name, outgoing.cloud_event.type
    if outgoing.queue is not None:
        exchange, key = "", outgoing.queue
    return Publication(exchange, key, properties_of(outgoing.cloud_event), outgoing.cloud_event.data)
