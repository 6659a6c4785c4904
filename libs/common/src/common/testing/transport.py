"""A transport that records events instead of delivering them, for tests of one service's HTTP side."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import Handle
from common.bus.subscriptions import Consumer
from common.bus.transport import OutboundEvent
from common.contracts.event import Event
from common.events.cloudevent import CloudEvent


class RecordingTransport:
    def __init__(self) -> None:
        self.published: list[CloudEvent] = []
        self.connected = True
        self._listeners: dict[str, list[Callable[[CloudEvent], None]]] = defaultdict(list)

    async def start(self) -> None:
        self.connected = True

    async def close(self) -> None:
        self.connected = False

    async def declare(self, consumers: Sequence[Consumer]) -> None:
        """Do nothing: there are no queues."""

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        self.published.extend(outgoing.cloud_event for outgoing in batch)
        return [None for _ in batch]

    async def consume(self, consumer: Consumer, handle: Handle, limit: DeadLetterLimit) -> None:  # noqa: ARG002
        await asyncio.Event().wait()

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        for event_type in types:
            self._listeners[event_type].append(callback)

    def tell(self, event: Event) -> None:
        """Call the listeners of this event's type."""
        for callback in self._listeners[event.type]:
            callback(CloudEvent.of(event))
