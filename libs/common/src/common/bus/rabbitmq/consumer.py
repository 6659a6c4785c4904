"""Consuming one queue: take what is waiting, handle it as one batch, settle it with one acknowledgement.

A redelivered message may have crashed the process that had it. So a consumer begins one by one, with no other message
in hand, and takes batches as soon as a message arrives that was never delivered before. The broker then counts the
delivery of the crashing message only, which becomes a dead letter when its attempts are spent.

A queue has one active consumer at a time, which keeps the order of each subject; other replicas wait for it. So that
these get their share of the work, the active one hands over after HOLD_SECONDS, with no message in hand. It does so
whether or not another one waits, because the broker does not tell: alone, it becomes the active one again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import CRASHED, MAX_ATTEMPTS, Dead, Delivery, Done, Handle, Retry, Settlement
from common.bus.rabbitmq import topology
from common.bus.rabbitmq.channel import ConsumeChannel
from common.bus.rabbitmq.frames import Message, Publication
from common.bus.rabbitmq.messages import (
    attempt_of,
    crash_count,
    dead_delivery_of,
    delivery_of,
    republish_properties,
)
from common.bus.subscriptions import Consumer
from common.events.cloudevent import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, MalformedCloudEvent
from common.jobs import OUTAGE_BACKOFF
from common.linger import Linger

log = logging.getLogger(__name__)

HOLD_SECONDS = 10.0
"""Long enough to cost nothing, and short enough that a replica that was added works within seconds."""
HOLD_JITTER = 0.2
"""The consumers of one process must not all hand over at the same time."""

Publish = Callable[[Sequence[Publication]], Awaitable[Sequence[Exception | None]]]
"""Publishes with confirms, see `Publisher.publish`."""


class QueueConsumer:
    """Feeds one queue to `handle`, and republishes a failed message to a retry tier or as a dead letter."""

    def __init__(self, consumer: Consumer, handle: Handle, publish: Publish, limit: DeadLetterLimit) -> None:
        self._consumer = consumer
        self._handle = handle
        self._publish = publish
        self._limit = limit

    async def run(self, channel: ConsumeChannel) -> None:
        """Consume until the limit of dead letters is reached, or until another replica shall take over.

        Then the channel must be closed: the broker passes on to the next consumer what is left, in its order. Raises
        ConnectionError if the channel fails.
        """
        await self._one_by_one(channel)
        if not self._limit.reached:
            await self._in_batches(channel)

    async def _one_by_one(self, channel: ConsumeChannel) -> None:
        """Until a message comes that was never delivered before."""
        queue = self._consumer.queue
        await channel.consume(queue, prefetch=1)
        while True:
            redelivered = (await channel.next()).redelivered
            messages = channel.take(1)
            settlements = await self._handled(messages)
            self._limit.admit(settlements)
            is_last = self._limit.reached or not redelivered
            if is_last:
                # Before the acknowledgement, which would bring the next message: a replica that becomes the active
                # consumer now finds this one handled.
                await channel.cancel(queue)
            await self._settle(channel, messages, settlements)
            if is_last:
                return

    async def _in_batches(self, channel: ConsumeChannel) -> None:
        size = self._consumer.batch
        prefetch = max(2 * size, 16)
        await channel.consume(self._consumer.queue, prefetch=prefetch)
        linger = Linger()
        hold_until = time.monotonic() + HOLD_SECONDS * random.uniform(1 - HOLD_JITTER, 1 + HOLD_JITTER)  # noqa: S311
        while not self._limit.reached:
            if time.monotonic() >= hold_until:
                await self._hand_over(channel, prefetch)
                return
            messages = await _take(channel, size, linger)
            started = time.monotonic()
            settlements = await self._handled(messages)
            admitted = self._limit.admit(settlements)
            await self._settle(channel, messages[:admitted], settlements[:admitted])
            if len(messages) < size:
                linger.worked(time.monotonic() - started)

    async def _hand_over(self, channel: ConsumeChannel, prefetch: int) -> None:
        """Handle what is in hand, then stop, so that the next consumer finds nothing that is in progress.

        Acknowledgements wait: each would bring more messages, which would count as delivered to this consumer. Once as
        many are held as the broker sends ahead, no more can come, and the consumer is cancelled before it acknowledges
        them. Otherwise the queue is empty, and closing the channel returns what may be on its way.
        """
        held = 0
        last: Message | None = None
        while held < prefetch and not self._limit.reached:
            messages = channel.take(min(self._consumer.batch, prefetch - held))
            if not messages:
                break
            settlements = await self._handled(messages)
            admitted = self._limit.admit(settlements)
            await self._republish_failed(channel, messages[:admitted], settlements[:admitted])
            held += admitted
            last = messages[admitted - 1]
        if held == prefetch:
            await channel.cancel(self._consumer.queue)
        if last is not None:
            channel.acknowledge(last.tag)

    async def _handled(self, messages: Sequence[Message]) -> list[Settlement]:
        """Handle the readable messages as one batch. Returns a settlement per message, in the same order."""
        read = [self._read(message) for message in messages]
        deliveries = [found for found in read if isinstance(found, Delivery)]
        settlements = iter(await self._handle(deliveries) if deliveries else ())
        return [next(settlements) if isinstance(found, Delivery) else found for found in read]

    def _read(self, message: Message) -> Delivery | Dead:
        if self._consumer.takes_dead_letters:
            return dead_delivery_of(message)
        if crash_count(message) >= MAX_ATTEMPTS:
            return Dead(CRASHED)
        try:
            return delivery_of(message)
        except MalformedCloudEvent as error:
            return Dead(f"MalformedCloudEvent: {error}")

    async def _settle(
        self, channel: ConsumeChannel, messages: Sequence[Message], settlements: Sequence[Settlement]
    ) -> None:
        """Republish failed messages, with confirms, before their deliveries are acknowledged: nothing is lost."""
        await self._republish_failed(channel, messages, settlements)
        channel.acknowledge(messages[-1].tag)

    async def _republish_failed(
        self, channel: ConsumeChannel, messages: Sequence[Message], settlements: Sequence[Settlement]
    ) -> None:
        queue = self._consumer.queue
        settled = zip(messages, settlements, strict=True)
        failed = [_publication(queue, message, s) for message, s in settled if not isinstance(s, Done)]
        if failed:
            await self._republish(channel, failed)

    async def _republish(self, channel: ConsumeChannel, messages: Sequence[Publication]) -> None:
        """Publish until all are confirmed: requeueing instead would count as one more crash of the consumer."""
        failures = 0
        while messages:
            outcomes = await self._publish_once(messages)
            for outcome in outcomes:
                if outcome is not None and not isinstance(outcome, ConnectionError):
                    raise outcome
            messages = [m for m, o in zip(messages, outcomes, strict=True) if o is not None]
            if messages:
                failures += 1
                pause = OUTAGE_BACKOFF.after(failures)
                log.warning("%s cannot republish, again in %.1f s: %r", self._consumer.name, pause, outcomes[-1])
                await asyncio.sleep(pause)
                channel.raise_failure()

    async def _publish_once(self, messages: Sequence[Publication]) -> Sequence[Exception | None]:
        try:
            return await self._publish(messages)
        except ConnectionError as error:
            return [error] * len(messages)


async def _take(channel: ConsumeChannel, limit: int, linger: Linger) -> list[Message]:
    """Wait for a message, linger, then take all that have arrived, at most `limit`; a redelivered one comes alone."""
    if (await channel.next()).redelivered:
        return channel.take(1)
    await linger.wait()
    return channel.take(limit)


def _publication(queue: str, message: Message, settlement: Retry | Dead) -> Publication:
    """The copy of a message for a retry tier or for the dead letters."""
    if isinstance(settlement, Retry):
        counted = {ATTEMPT_HEADER: str(attempt_of(message.properties.headers) + 1)}
        tier = topology.retry_name(settlement.delay)
        return Publication(tier, queue, republish_properties(message, counted), message.body)
    attempts = min(max(attempt_of(message.properties.headers), crash_count(message)), MAX_ATTEMPTS)
    reason = {DEAD_QUEUE_HEADER: queue, ATTEMPT_HEADER: str(attempts), ERROR_HEADER: settlement.error}
    return Publication(topology.DEAD.name, queue, republish_properties(message, reason), message.body)
