"""What a transport must do. Two implementations: RabbitMQ and the durable in-process one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.bus.subscriptions import Consumer
from common.events.cloudevent import CloudEvent
from common.persistence.database import Database

RETRY_TIERS: tuple[float, ...] = (1.0, 5.0, 30.0, 300.0)
"""Seconds until the second, third, … attempt. A message whose attempts are spent is a dead letter."""

ATTEMPTS = len(RETRY_TIERS) + 1
"""As many may fail; and as many may end the process that makes them."""

ENDED = "the attempts are spent: the consumer ended while handling it"
"""Why a message died whose handler never lived to say so."""

DEAD_LETTERS = "operations.dead-letters"
"""The consumer that keeps every dead letter of the platform."""


@dataclass(frozen=True, slots=True)
class OutboundEvent:
    """An event for everyone who listens, or with `queue` for that one queue only."""

    cloud_event: CloudEvent
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event at one consumer; `attempt` counts from 1. `dead` says of a dead letter which queue gave it up."""

    cloud_event: CloudEvent
    attempt: int = 1
    dead: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why and where an event was given up."""

    queue: str
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Done:
    """Handled (or seen before): forget the delivery."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver again after `delay` seconds with the attempt counted up."""

    delay: float
    error: str


@dataclass(frozen=True, slots=True)
class Dead:
    """Give it up: keep it as a dead letter."""

    error: str


Settlement = Done | Retry | Dead
Handle = Callable[[Sequence[Delivery]], Awaitable[Sequence[Settlement]]]


class Transport(Protocol):
    """Carries envelopes from the relay to the consumers' queues.

    Every method is safe to call again after a failure; `start` waits a bounded time and then raises.
    """

    @property
    def connected(self) -> bool: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def declare(self, consumers: Sequence[Consumer], database: Database | None) -> None:
        """Make the queues and their bindings. Idempotent; must precede the first publish that should reach them."""

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Hand over in the order given; for each None once it is safely stored, else why it may not be.

        Raises ConnectionError when nothing can be handed over at all.
        """

    async def consume(self, consumer: Consumer, handle: Handle) -> None:
        """Feed the consumer's queue to `handle`, a batch at a time and in order, until cancelled."""

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        """Call back for every event of these types while the process lives: no durability, every process hears."""
