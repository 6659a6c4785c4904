"""Consuming one queue: take what is waiting, handle it as one batch, settle it with one acknowledgement."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from aiormq.abc import AbstractChannel, DeliveredMessage

from common.bus import topology
from common.bus.amqp import again, attempt_of, dead_delivery_of, delivery_of
from common.bus.envelope import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, MalformedEnvelope
from common.bus.linger import Linger
from common.bus.subscriptions import Consumer
from common.bus.transport import Dead, Delivery, Handle, Retry, Settlement

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT = 10.0
CANCELLED_CHECK = 1.0

Message = DeliveredMessage
Read = Callable[[Message], Delivery]


async def consume_queue(channel: AbstractChannel, consumer: Consumer, handle: Handle) -> None:
    """Feed the consumer's queue to `handle` until the channel closes or the broker cancels us (ConnectionError)."""
    waiting: asyncio.Queue[Message | None] = asyncio.Queue()
    await channel.basic_qos(prefetch_count=max(2 * consumer.batch, 16))
    channel.on_consumer_cancel_callbacks.add(lambda _frame: waiting.put_nowait(None))

    async def arrived(message: Message) -> None:
        waiting.put_nowait(message)

    await channel.basic_consume(consumer.queue, arrived, timeout=PUBLISH_TIMEOUT)
    read = dead_delivery_of if consumer.takes_dead_letters else delivery_of
    linger = Linger()
    while True:
        messages = await _take(channel, waiting, consumer.batch, linger)
        started = time.monotonic()
        await _process(channel, consumer.queue, messages, read, handle)
        if len(messages) < consumer.batch:
            linger.worked(time.monotonic() - started)


async def _take(
    channel: AbstractChannel, waiting: asyncio.Queue[Message | None], most: int, linger: Linger
) -> list[Message]:
    """Wait for a message, linger, then take what else is there, at most `most`."""
    messages: list[Message] = []
    while not messages:
        if channel.is_closed:
            raise ConnectionError("the channel closed")
        try:
            async with asyncio.timeout(CANCELLED_CHECK):
                messages.append(_alive(await waiting.get()))
        except TimeoutError:
            continue
    await linger.wait()
    while len(messages) < most and not waiting.empty():
        messages.append(_alive(waiting.get_nowait()))
    return messages


def _alive(message: Message | None) -> Message:
    if message is None:
        raise ConnectionError("the broker cancelled the consumer")
    return message


async def _process(channel: AbstractChannel, queue: str, messages: list[Message], read: Read, handle: Handle) -> None:
    """Handle a batch and settle every message of it; one multiple-ack covers all that need nothing else."""
    deliveries: list[Delivery] = []
    settlements: dict[int, Settlement] = {}
    readable: list[Message] = []
    for message in messages:
        try:
            deliveries.append(read(message))
            readable.append(message)
        except MalformedEnvelope as error:
            settlements[id(message)] = Dead(f"MalformedEnvelope: {error}")
    if deliveries:
        outcome = await handle(deliveries)
        settlements |= {id(message): settlement for message, settlement in zip(readable, outcome, strict=True)}
    await _settle(channel, queue, messages, [settlements[id(message)] for message in messages])


async def _settle(
    channel: AbstractChannel, queue: str, messages: Sequence[Message], settlements: Sequence[Settlement]
) -> None:
    """Pass on what failed, confirmed by the broker, before its delivery is acknowledged: never lost in between."""
    for message, settlement in zip(messages, settlements, strict=True):
        if isinstance(settlement, Retry):
            await _pass_on(channel, message, topology.retry_name(settlement.delay), queue, _counted(message))
        elif isinstance(settlement, Dead):
            reason = {DEAD_QUEUE_HEADER: queue, ERROR_HEADER: settlement.error}
            await _pass_on(channel, message, topology.DEAD.name, queue, reason)
    last = messages[-1].delivery_tag
    if last is None:
        raise ConnectionError("a delivery without a tag")
    await channel.basic_ack(last, multiple=True)


def _counted(message: Message) -> dict[str, str]:
    return {ATTEMPT_HEADER: str(attempt_of(message.header.properties.headers or {}) + 1)}


async def _pass_on(channel: AbstractChannel, message: Message, exchange: str, key: str, extra: dict[str, str]) -> None:
    """Publish a copy. What this raises ends the channel, and the broker delivers the unacknowledged batch again."""
    async with asyncio.timeout(PUBLISH_TIMEOUT):
        await channel.basic_publish(
            message.body, exchange=exchange, routing_key=key, properties=again(message, extra), mandatory=True
        )
