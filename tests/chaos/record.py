"""The harness's own record of the bus: a consumer with its own queue, connected directly."""

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aiormq.exceptions import AMQPError

log = logging.getLogger(__name__)

QUEUE = "chaos.record"
PREFETCH = 500
CONNECT_SECONDS = 10.0
PAUSE = 0.5
KEPT = 2000
LOST = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it was on the wire. `at` is the monotonic time of its arrival."""

    id: str
    type: str
    at: float
    redelivered: bool


@dataclass
class Record:
    """Everything that was published to dukan.events.

    Consumes until cancelled; survives restarts of the broker. `copies` counts how often each event id was published,
    without redeliveries to this consumer. `recent` holds whole messages, for faults that replay them.
    """

    url: Callable[[], str]
    seen: dict[str, ReceivedEvent] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)
    recent: deque[AbstractIncomingMessage] = field(default_factory=lambda: deque(maxlen=KEPT))
    _task: asyncio.Task[None] | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Bound before the block begins, so that nothing is missed."""
        self._task = asyncio.create_task(self._listen(), name="record")
        try:
            async with asyncio.timeout(CONNECT_SECONDS * 2):
                await self._ready.wait()
            yield
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._session()
            except LOST as error:
                log.info("the record reconnects: %r", error)
            await asyncio.sleep(PAUSE)

    async def _session(self) -> None:
        connection = await aio_pika.connect(self.url(), timeout=CONNECT_SECONDS, heartbeat=10)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                channel = await connection.channel()
                await channel.set_qos(prefetch_count=PREFETCH)
                queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
                await self._bind(channel, queue)
            self._ready.set()
            async with queue.iterator() as messages:
                async for message in messages:
                    self._note(message)
                    await message.ack()
        finally:
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(connection.close(), 2)

    async def _bind(self, channel: aio_pika.abc.AbstractChannel, queue: AbstractQueue) -> None:
        # Declared as the platform declares it, because this consumer starts first.
        await channel.declare_exchange(
            "dukan.events", "topic", durable=True, arguments={"alternate-exchange": "dukan.unrouted"}
        )
        await queue.bind("dukan.events", "#")

    def _note(self, message: AbstractIncomingMessage) -> None:
        event_id = str(message.message_id)
        self.recent.append(message)
        if message.redelivered and event_id in self.seen:
            return
        self.copies[event_id] += 1
        self.seen.setdefault(
            event_id, ReceivedEvent(event_id, str(message.routing_key), time.monotonic(), bool(message.redelivered))
        )

    def count(self, event_type: str, since: float, until: float) -> int:
        """The number of distinct events of a type in that time."""
        return sum(1 for seen in self.seen.values() if seen.type == event_type and since <= seen.at < until)
