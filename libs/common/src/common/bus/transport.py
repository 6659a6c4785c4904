"""What a transport does. Two implementations: RabbitMQ and the durable in-process one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import Handle
from common.bus.subscriptions import Consumer
from common.events.cloudevent import CloudEvent


class UnroutableError(LookupError):
    """No queue takes the message: publishing it again cannot help."""


@dataclass(frozen=True, slots=True)
class OutboundEvent:
    """An event for every subscriber, or with `queue` for that one queue only."""

    cloud_event: CloudEvent
    queue: str | None = None


class Transport(Protocol):
    """Carries CloudEvents from the relay to the consumers' queues.

    Every method may be called again after a failure. `start` raises after a bounded time.
    """

    @property
    def connected(self) -> bool: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def declare(self, consumers: Sequence[Consumer]) -> None:
        """Make the queues and their bindings. Idempotent; events published earlier do not reach a new queue."""

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Send in the order given. The outcome of each is None once it is stored safely.

        An outcome of ConnectionError leaves open whether the event was stored; any other error is final. Raises
        ConnectionError if nothing can be sent.
        """

    async def consume(self, consumer: Consumer, handle: Handle, limit: DeadLetterLimit) -> None:
        """Feed the consumer's queue to `handle`, a batch at a time and in order, until cancelled.

        While `limit` is reached, it handles one event per `limit.pause()` and leaves the others in the queue.
        """

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        """Call back for every event of these types while the process lives: in every process, without durability."""
