"""Consuming one queue: take what is waiting, handle it as one batch, settle it with one acknowledgement.

What was delivered before may be what ended the process that had it. So a consumer begins one by one, with nothing
else in hand, and takes batches from the first message on that nobody had before: the broker then counts only the
guilty one up, and it is given up when its attempts are spent.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from common.bus.rabbitmq import topology
from common.bus.rabbitmq.frames import Message, Publication
from common.bus.rabbitmq.intake import Intake
from common.bus.rabbitmq.messages import again, attempt_of, dead_delivery_of, delivery_of, lives_taken
from common.bus.subscriptions import Consumer
from common.bus.transport import ATTEMPTS, ENDED, Dead, Delivery, Handle, Retry, Settlement
from common.events.cloudevent import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, MalformedCloudEvent
from common.linger import Linger

PassOn = Callable[[Publication], Awaitable[None]]
"""Publishes and returns once the broker has confirmed; raises when it may not have."""


async def consume_queue(intake: Intake, consumer: Consumer, handle: Handle, pass_on: PassOn) -> None:
    """Feed the consumer's queue to `handle` until the broker goes away or cancels us (ConnectionError)."""
    await _one_by_one(intake, consumer, handle, pass_on)
    await _in_batches(intake, consumer, handle, pass_on)


async def _one_by_one(intake: Intake, consumer: Consumer, handle: Handle, pass_on: PassOn) -> None:
    """Until a message comes that nobody had before."""
    await intake.consume(consumer.queue, prefetch=1)
    dangerous = True
    while dangerous:
        dangerous = (await intake.waiting()).redelivered
        messages = intake.take(1)
        settlements = await _handled(consumer, messages, handle)
        if not dangerous:
            # Before the acknowledgement: a replica that becomes the active consumer now finds this one handled.
            await intake.cancel(consumer.queue)
        await _settle(intake, consumer.queue, messages, settlements, pass_on)


async def _in_batches(intake: Intake, consumer: Consumer, handle: Handle, pass_on: PassOn) -> None:
    await intake.consume(consumer.queue, prefetch=max(2 * consumer.batch, 16))
    linger = Linger()
    while True:
        messages = await _take(intake, consumer.batch, linger)
        started = time.monotonic()
        settlements = await _handled(consumer, messages, handle)
        await _settle(intake, consumer.queue, messages, settlements, pass_on)
        if len(messages) < consumer.batch:
            linger.worked(time.monotonic() - started)


async def _take(intake: Intake, most: int, linger: Linger) -> list[Message]:
    """Wait for a message, linger, then take what else is there, at most `most`; a redelivered one comes alone."""
    if (await intake.waiting()).redelivered:
        return intake.take(1)
    await linger.wait()
    return intake.take(most)


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
    except MalformedCloudEvent as error:
        return Dead(f"MalformedCloudEvent: {error}")


async def _settle(
    intake: Intake, queue: str, messages: Sequence[Message], settlements: Sequence[Settlement], pass_on: PassOn
) -> None:
    """Pass on what failed, confirmed by the broker, before its delivery is acknowledged: never lost in between."""
    for message, settlement in zip(messages, settlements, strict=True):
        if isinstance(settlement, Retry):
            counted = {ATTEMPT_HEADER: str(attempt_of(message.properties.headers) + 1)}
            tier = topology.retry_name(settlement.delay)
            await pass_on(Publication(tier, queue, again(message, counted), message.body))
        elif isinstance(settlement, Dead):
            reason = {DEAD_QUEUE_HEADER: queue, ERROR_HEADER: settlement.error}
            await pass_on(Publication(topology.DEAD.name, queue, again(message, reason), message.body))
    intake.acknowledge(messages[-1].tag)
