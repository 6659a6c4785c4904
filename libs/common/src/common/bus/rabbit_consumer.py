"""Consuming one queue: take what is waiting, handle it as one batch, settle it with one acknowledgement.

What was delivered before may be what ended the process that had it. So a consumer begins one by one, with nothing
else in hand, and takes batches from the first message on that nobody had before: the broker then counts only the
guilty one up, and it is given up when its attempts are spent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from aiormq.abc import AbstractChannel, DeliveredMessage

from common.bus import topology
from common.bus.amqp import again, attempt_of, dead_delivery_of, delivery_of, lives_taken
from common.bus.envelope import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, MalformedEnvelope
from common.bus.linger import Linger
from common.bus.subscriptions import Consumer
from common.bus.transport import ATTEMPTS, ENDED, Dead, Delivery, Handle, Retry, Settlement

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT = 10.0
CANCELLED_CHECK = 1.0

Message = DeliveredMessage
Waiting = asyncio.Queue[Message | None]
"""None says that the broker cancelled the consumer."""


async def consume_queue(channel: AbstractChannel, consumer: Consumer, handle: Handle) -> None:
    """Feed the consumer's queue to `handle` until the channel closes or the broker cancels us (ConnectionError)."""
    waiting: Waiting = asyncio.Queue()
    channel.on_consumer_cancel_callbacks.add(lambda _frame: waiting.put_nowait(None))
    await _one_by_one(channel, consumer, waiting, handle)
    await _in_batches(channel, consumer, waiting, handle)


async def _one_by_one(channel: AbstractChannel, consumer: Consumer, waiting: Waiting, handle: Handle) -> None:
    """Until a message comes that nobody had before."""
    tag = await _begin(channel, consumer, waiting, prefetch=1)
    dangerous = True
    while dangerous:
        message = await _next(channel, waiting)
        dangerous = bool(message.redelivered)
        settlements = await _handled(consumer, [message], handle)
        if not dangerous:
            # Before the acknowledgement: a replica that becomes the active consumer now finds this one handled.
            await channel.basic_cancel(tag, timeout=PUBLISH_TIMEOUT)
        await _settle(channel, consumer.queue, [message], settlements)


async def _in_batches(channel: AbstractChannel, consumer: Consumer, waiting: Waiting, handle: Handle) -> None:
    await _begin(channel, consumer, waiting, prefetch=max(2 * consumer.batch, 16))
    linger = Linger()
    while True:
        messages = await _take(channel, waiting, consumer.batch, linger)
        started = time.monotonic()
        settlements = await _handled(consumer, messages, handle)
        await _settle(channel, consumer.queue, messages, settlements)
        if len(messages) < consumer.batch:
            linger.worked(time.monotonic() - started)


async def _begin(channel: AbstractChannel, consumer: Consumer, waiting: Waiting, prefetch: int) -> str:
    """Have the queue's messages put into `waiting`; the consumer's tag."""

    async def arrived(message: Message) -> None:
        waiting.put_nowait(message)

    await channel.basic_qos(prefetch_count=prefetch)
    begun = await channel.basic_consume(consumer.queue, arrived, timeout=PUBLISH_TIMEOUT)
    if begun.consumer_tag is None:
        raise ConnectionError("a consumer without a tag")
    return begun.consumer_tag


async def _take(channel: AbstractChannel, waiting: Waiting, most: int, linger: Linger) -> list[Message]:
    """Wait for a message, linger, then take what else is there, at most `most`; a redelivered one comes alone."""
    messages = [await _next(channel, waiting)]
    if messages[0].redelivered:
        return messages
    await linger.wait()
    while len(messages) < most and not waiting.empty():
        messages.append(_alive(waiting.get_nowait()))
    return messages


async def _next(channel: AbstractChannel, waiting: Waiting) -> Message:
    while not channel.is_closed:
        try:
            async with asyncio.timeout(CANCELLED_CHECK):
                return _alive(await waiting.get())
        except TimeoutError:
            continue
    raise ConnectionError("the channel closed")


def _alive(message: Message | None) -> Message:
    if message is None:
        raise ConnectionError("the broker cancelled the consumer")
    return message


async def _handled(consumer: Consumer, messages: Sequence[Message], handle: Handle) -> list[Settlement]:
    """Handle what can be read, as one batch; what becomes of each message, in the same order."""
    read = [_read(consumer, message) for message in messages]
    deliveries = [found for found in read if isinstance(found, Delivery)]
    outcome = iter(await handle(deliveries) if deliveries else ())
    return [next(outcome) if isinstance(found, Delivery) else found for found in read]


def _read(consumer: Consumer, message: Message) -> Delivery | Dead:
    if consumer.takes_dead_letters:
        return dead_delivery_of(message)
    if lives_taken(message) >= ATTEMPTS:
        return Dead(ENDED)
    try:
        return delivery_of(message)
    except MalformedEnvelope as error:
        return Dead(f"MalformedEnvelope: {error}")


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
