"""The broker's topology: names, arguments, and their idempotent declaration.

RabbitMQ 3.10 to 4.x. Queue arguments cannot be changed later, so queue names carry a version.
"""

from collections.abc import Sequence
from typing import Any, cast

from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from common.bus.subscriptions import Consumer
from common.bus.transport import DEAD_LETTERS, RETRY_TIERS

EVENTS = RabbitExchange(
    "dukan.events", type=ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": "dukan.unrouted"}
)
UNROUTED = RabbitExchange("dukan.unrouted", type=ExchangeType.FANOUT, durable=True)
DEAD = RabbitExchange("dukan.dlx", type=ExchangeType.TOPIC, durable=True)

UNROUTED_LIMIT = 10_000
DELIVERY_LIMIT = 20


def retry_name(delay: float) -> str:
    """The exchange and queue of a retry tier: dukan.retry.1s, …, dukan.retry.5m."""
    return f"dukan.retry.{int(delay)}s" if delay < 60 else f"dukan.retry.{int(delay // 60)}m"


def consumer_queue(name: str) -> RabbitQueue:
    """A consumer's queue: replicated, one active consumer so that order holds, dead letters never dropped.

    At-least-once dead-lettering needs `reject-publish`; there is no length limit for it to act on: the depth of
    these queues is alarmed, because a bound would push one slow consumer's backlog on to every publisher.
    """
    return _quorum(
        name,
        {
            "x-single-active-consumer": True,
            "x-delivery-limit": DELIVERY_LIMIT,
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
    """The one queue of dead letters; unlimited deliveries, because nothing lies behind it."""
    return _quorum(f"{DEAD_LETTERS}.v1", {"x-single-active-consumer": True, "x-delivery-limit": 1_000_000})


async def declare_platform(broker: RabbitBroker) -> None:
    """What every service needs to exist before it publishes."""
    unrouted = await broker.declare_exchange(UNROUTED)
    await broker.declare_exchange(EVENTS)
    dead = await broker.declare_exchange(DEAD)
    lost = await broker.declare_queue(
        _quorum("dukan.unrouted", {"x-max-length": UNROUTED_LIMIT, "x-overflow": "drop-head"})
    )
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
    # FastStream's table of quorum arguments does not know all that RabbitMQ takes.
    return RabbitQueue(name, queue_type=QueueType.QUORUM, durable=True, arguments=cast("QuorumQueueArgs", arguments))
