"""A broker that is short of memory blocks the connections that publish, and nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import DEAD_LETTERS, Dead, Delivery, Done, Settlement
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.subscriptions import Consumer, Subscription, collect, subscribe_dead_letters
from common.bus.transport import OutboundEvent
from common.contracts.event import registry
from common.events.cloudevent import CloudEvent
from common.testing import eventually

from .conftest import delete_queues, new_event, word


@pytest.fixture
async def transport() -> AsyncIterator[RabbitTransport]:
    transport = RabbitTransport(os.environ["AMQP_URL"], "test")
    await transport.start()
    yield transport
    await transport.close()


@pytest.fixture
async def consumer(transport: RabbitTransport) -> AsyncIterator[Consumer]:
    event = new_event()
    consumer = Consumer(f"test{word()}.work")
    consumer.handlers[event.type] = (Subscription(consumer.name, event.type, event, 1), _unused)
    await transport.declare([consumer])
    yield consumer
    registry.pop(event.type)
    await delete_queues([consumer.queue])


async def _unused(event: Any, tx: Any) -> None: ...


def event_for(consumer: Consumer) -> OutboundEvent:
    [(subscription, _)] = consumer.handlers.values()
    event: Any = subscription.event
    return OutboundEvent(CloudEvent.of(event(subject_id="a", note="x")), consumer.queue)


class DeadLetters:
    """The consumer of dead letters, without a database."""

    def __init__(self, queue: str) -> None:
        self.errors: list[str] = []
        self._queue = queue

    @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
    async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None: ...

    async def handle(self, deliveries: Sequence[Delivery]) -> list[Settlement]:
        self.errors += [d.dead.error for d in deliveries if d.dead and d.dead.queue == self._queue]
        return [Done()] * len(deliveries)


@pytest.mark.broker
async def test_publishing_fails_at_once_while_the_connection_is_blocked(
    transport: RabbitTransport, consumer: Consumer
) -> None:
    connection = await transport._publishing.get()
    connection.is_blocked = True
    with pytest.raises(ConnectionError, match="short of memory"):
        await transport.publish([event_for(consumer)])
    connection.is_blocked = False
    assert await transport.publish([event_for(consumer)]) == [None]
    assert await transport._publishing.get() is connection


@pytest.mark.broker
async def test_a_consumer_keeps_a_failed_event_until_its_dead_letter_is_confirmed(
    transport: RabbitTransport, consumer: Consumer
) -> None:
    """Requeueing it would count as a crash of the consumer each time."""
    attempts = 0

    async def fail(deliveries: Sequence[Delivery]) -> list[Settlement]:
        nonlocal attempts
        attempts += 1
        return [Dead("always")] * len(deliveries)

    await transport.publish([event_for(consumer)])
    connection = await transport._publishing.get()
    connection.is_blocked = True
    dead_letters = DeadLetters(consumer.queue)
    tasks = [
        asyncio.create_task(transport.consume(consumer, fail, DeadLetterLimit(consumer.name))),
        asyncio.create_task(
            transport.consume(collect(dead_letters)[0], dead_letters.handle, DeadLetterLimit(DEAD_LETTERS))
        ),
    ]
    await asyncio.sleep(1.0)
    assert (attempts, dead_letters.errors) == (1, [])
    connection.is_blocked = False
    await eventually(lambda: _is(dead_letters.errors, ["always"]))
    assert attempts == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _is(value: object, expected: object) -> bool:
    return value == expected
