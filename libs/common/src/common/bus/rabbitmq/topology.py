"""The broker's topology: names, arguments, and their idempotent declaration through FastStream.

RabbitMQ 3.10 to 4.x. Queue arguments cannot be changed later, so queue names carry a version.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from aiormq.exceptions import AMQPError
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from common.bus.delivery import DEAD_LETTERS, RETRY_TIERS
from common.bus.subscriptions import Consumer
from common.contracts.exchange import EVENTS, UNROUTED

UNROUTED_EVENTS = RabbitExchange(UNROUTED, type=ExchangeType.FANOUT, durable=True)
DEAD = RabbitExchange("dukan.dlx", type=ExchangeType.TOPIC, durable=True)

MAX_UNROUTED = 10_000
MAX_DELIVERIES = 20
"""The backstop behind MAX_ATTEMPTS: the broker then dead-letters by itself."""

DECLARE_SECONDS = 10.0
STOP_SECONDS = 2.0
BROKER_ERRORS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What aio-pika and aiormq raise if the broker or the connection fails."""


def retry_name(delay: float) -> str:
    """The exchange and queue of a retry tier: dukan.retry.1s, …, dukan.retry.5m."""
    return f"dukan.retry.{int(delay)}s" if delay < 60 else f"dukan.retry.{int(delay // 60)}m"


def consumer_queue(name: str) -> RabbitQueue:
    """A consumer's queue: replicated, with one active consumer to keep the order; dead letters are never dropped.

    At-least-once dead-lettering needs `reject-publish`. It never takes effect, because the queue has no maximum length:
    a maximum would block every publisher when one consumer is slow. An alert watches the length instead.
    """
    return _quorum(
        name,
        {
            "x-single-active-consumer": True,
            "x-delivery-limit": MAX_DELIVERIES,
            "x-dead-letter-exchange": DEAD.name,
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _retry_queue(delay: float) -> RabbitQueue:
    """Waits `delay` seconds, then the default exchange routes by the routing key: the failing queue's name."""
    return _quorum(
        retry_name(delay),
        {
            "x-message-ttl": int(delay * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def dead_letter_queue() -> RabbitQueue:
    """The queue of all dead letters; deliveries are unlimited, because no further queue takes its messages."""
    return _quorum(f"{DEAD_LETTERS}.v1", {"x-single-active-consumer": True, "x-delivery-limit": 1_000_000})


@contextlib.asynccontextmanager
async def declaring(url: str) -> AsyncIterator[RabbitBroker]:
    """FastStream's broker, connected for the block. Raises ConnectionError if the block fails or takes too long."""
    # A new one each time: a connection that was opened half-way would spoil the next attempt.
    broker = RabbitBroker(url, logger=None, timeout=DECLARE_SECONDS, graceful_timeout=STOP_SECONDS)
    try:
        async with asyncio.timeout(DECLARE_SECONDS):
            await broker.start()
            yield broker
    except BROKER_ERRORS as error:
        raise ConnectionError(f"broker not reachable: {error!r}") from error
    finally:
        with contextlib.suppress(*BROKER_ERRORS):
            await asyncio.wait_for(broker.stop(), STOP_SECONDS)


async def declare_platform(broker: RabbitBroker) -> None:
    """The exchanges and queues that must exist before a service publishes."""
    unrouted = await broker.declare_exchange(UNROUTED_EVENTS)
    await broker.declare_exchange(EVENTS)
    dead = await broker.declare_exchange(DEAD)
    lost = await broker.declare_queue(_quorum(UNROUTED, {"x-max-length": MAX_UNROUTED, "x-overflow": "drop-head"}))
    await lost.bind(unrouted)
    await (await broker.declare_queue(dead_letter_queue())).bind(dead, "#")
    for delay in RETRY_TIERS:
        exchange = await broker.declare_exchange(
            RabbitExchange(retry_name(delay), type=ExchangeType.FANOUT, durable=True)
        )
        await (await broker.declare_queue(_retry_queue(delay))).bind(exchange)


async def declare_consumers(broker: RabbitBroker, consumers: Sequence[Consumer]) -> None:
    """Each consumer's queue with a binding per handled type."""
    events = await broker.declare_exchange(EVENTS)
    for consumer in consumers:
        if consumer.takes_dead_letters:
            continue
        queue = await broker.declare_queue(consumer_queue(consumer.queue))
        for pattern in consumer.patterns:
            await queue.bind(events, pattern)


def _quorum(name: str, arguments: dict[str, Any]) -> RabbitQueue:
    # FastStream's type of quorum arguments lacks some that RabbitMQ takes.
    return RabbitQueue(name, queue_type=QueueType.QUORUM, durable=True, arguments=cast("QuorumQueueArgs", arguments))
