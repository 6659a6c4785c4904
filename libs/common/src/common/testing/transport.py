"""A transport that delivers nothing and remembers what it was given, for tests of one service's HTTP side."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from common.bus.subscriptions import Consumer
from common.bus.transport import Handle, OutboundEvent
from common.contracts.event import Event
from common.events.cloudevent import CloudEvent
from common.persistence.database import Database


class RecordingTransport:
    def __init__(self) -> None:
        self.published: list[CloudEvent] = []
        self.declared: list[Consumer] = []
        self.connected = True
        self._listeners: dict[str, list[Callable[[CloudEvent], None]]] = defaultdict(list)

    async def start(self) -> None:
        self.connected = True

    async def close(self) -> None:
        self.connected = False

    async def declare(self, consumers: Sequence[Consumer], database: Database | None) -> None:  # noqa: ARG002
        self.declared.extend(consumers)

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        self.published.extend(outgoing.cloud_event for outgoing in batch)
        return [None for _ in batch]

    async def consume(self, consumer: Consumer, handle: Handle) -> None:  # noqa: ARG002
        await asyncio.Event().wait()

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        for event_type in types:
            self._listeners[event_type].append(callback)

    def tell(self, event: Event) -> None:
        """Let every listener of this event's type hear it."""
        for callback in self._listeners[event.type]:
            callback(CloudEvent.of(event))
