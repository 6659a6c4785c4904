"""Channels of a connection: the common part, one that publishes with confirms, and one that consumes.

Source: AMQP 0-9-1, chapters 1.5 (Channel) and 1.8 (Basic), and RabbitMQ's publisher confirms.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from pamqp import base, frame
from pamqp.commands import Basic, Confirm
from pamqp.commands import Channel as ChannelClass

from common.bus.rabbitmq import frames
from common.bus.rabbitmq.confirms import PublishedBatch, Unconfirmed
from common.bus.rabbitmq.frames import Message, Properties, Publication

REPLY_SECONDS = 10.0
CLOSE_SECONDS = 2.0

Reply = TypeVar("Reply", bound=base.Frame)


class Channel:
    """Requests and their replies, one at a time. Every method raises ConnectionError once the channel has failed."""

    def __init__(self, number: int, write: Callable[[bytes], None], max_body: int) -> None:
        self.is_open = True
        """False once the broker knows that the channel is closed, so that its number may be used again."""

        self._number = number
        self._write = write
        self._max_body = max_body
        self._replies: deque[base.Frame] = deque()
        self._changed = asyncio.Event()
        self._failure: str | None = None
        self._properties = Properties()
        self._missing = 0
        self._pieces: list[bytes] = []

    async def open(self) -> None:
        await self.call(ChannelClass.Open(), ChannelClass.OpenOk)

    async def close(self) -> None:
        """Close at the broker too, a bounded time; it then requeues the messages that were not acknowledged."""
        if self.is_open:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    self.send(ChannelClass.Close(200, "done", 0, 0))
                    while self.is_open:
                        await self._wait()
        self._set_failure("the channel is closed")

    async def call(self, method: base.Frame, expected: type[Reply]) -> Reply:
        self.send(method)
        return await self.reply(expected)

    async def reply(self, expected: type[Reply]) -> Reply:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                while not self._replies:
                    await self._wait()
        except TimeoutError:
            raise ConnectionError(f"the broker did not answer with {expected.name} in time") from None
        reply = self._replies.popleft()
        if not isinstance(reply, expected):
            raise ConnectionError(f"the broker answered {reply.name} instead of {expected.name}")
        return reply

    def send(self, method: base.Frame) -> None:
        if not self.is_open:
            raise ConnectionError(self._failure)
        self._write(frame.marshal(method, self._number))

    def fail(self, reason: str) -> None:
        """The broker has closed the channel, or the connection is lost."""
        self.is_open = False
        self._set_failure(reason)

    def _set_failure(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._changed.set()

    def raise_failure(self) -> None:
        """Raise ConnectionError if the channel has failed."""
        if self._failure is not None:
            raise ConnectionError(self._failure)

    async def _wait(self) -> None:
        """Wait for the next change: a reply, a message or a failure."""
        if not self.is_open:
            raise ConnectionError(self._failure)
        self._changed.clear()
        await self._changed.wait()

    # --- frames

    def on_method(self, buffer: bytes, at: int, after: int) -> None:
        method = frame.unmarshal(buffer[at:after])[2]
        if isinstance(method, ChannelClass.Close):
            self.send(ChannelClass.CloseOk())
            self.fail(f"the broker closed the channel: {method.reply_code} {method.reply_text}")
        elif isinstance(method, ChannelClass.CloseOk):
            self.fail("the channel is closed")
        elif isinstance(method, base.Frame):
            self.on_reply(method)

    def on_reply(self, method: base.Frame) -> None:
        self._replies.append(method)
        self._changed.set()

    def on_header(self, buffer: bytes, start: int) -> None:
        self._missing, self._properties = frames.read_header(buffer, start)
        self._pieces.clear()
        if not self._missing:
            self._on_content(self._properties, b"")

    def on_body(self, piece: bytes) -> None:
        self._missing -= len(piece)
        if self._missing <= 0 and not self._pieces:
            self._on_content(self._properties, piece)
            return
        self._pieces.append(piece)
        if self._missing <= 0:
            self._on_content(self._properties, b"".join(self._pieces))

    def _on_content(self, properties: Properties, body: bytes) -> None:
        """A message is complete; the last method said what kind of message it is."""


class PublishChannel(Channel):
    """Publishes with confirms. Safe for concurrent use: the broker's delivery tags tell the messages apart."""

    def __init__(self, number: int, write: Callable[[bytes], None], max_body: int) -> None:
        super().__init__(number, write, max_body)
        self._unconfirmed = Unconfirmed()
        self._returned: Basic.Return | None = None

    async def open(self) -> None:
        await super().open()
        await self.call(Confirm.Select(), Confirm.SelectOk)

    def publish(self, messages: Sequence[Publication]) -> PublishedBatch:
        """Write all messages in order as one piece of bytes; a message that cannot be encoded fails alone."""
        self.raise_failure()
        batch = PublishedBatch(messages)
        payload: list[bytes] = []
        for index, message in enumerate(messages):
            try:
                payload.append(frames.publish_frames(message, self._number, self._max_body))
            except Exception as error:
                batch.settle(index, error)
                continue
            self._unconfirmed.add(batch, index)
        self._write(b"".join(payload))
        return batch

    def on_method(self, buffer: bytes, at: int, after: int) -> None:
        start = at + 7
        if buffer.startswith(frames.ACK, start):
            self._unconfirmed.confirm(*frames.read_ack(buffer, start))
        else:
            super().on_method(buffer, at, after)

    def on_reply(self, method: base.Frame) -> None:
        match method:
            case Basic.Nack():
                self._unconfirmed.reject(method.delivery_tag, method.multiple)
            case Basic.Return():
                self._returned = method
            case _:
                super().on_reply(method)

    def _on_content(self, properties: Properties, body: bytes) -> None:  # noqa: ARG002
        if self._returned is not None:
            self._unconfirmed.mark_returned(self._returned, properties.message_id)
            self._returned = None

    def _set_failure(self, reason: str) -> None:
        super()._set_failure(reason)
        self._unconfirmed.fail_all(reason)


class ConsumeChannel(Channel):
    """Deliveries of one queue, in order. Not for concurrent use: one task consumes, takes, acknowledges."""

    def __init__(self, number: int, write: Callable[[bytes], None], max_body: int) -> None:
        super().__init__(number, write, max_body)
        self._ready: deque[Message] = deque()
        self._delivery: tuple[int, bool, str] | None = None

    async def consume(self, queue: str, prefetch: int) -> None:
        """Begin; the broker sends at most `prefetch` messages ahead of the acknowledgements."""
        await self.call(Basic.Qos(prefetch_count=prefetch), Basic.QosOk)
        await self.call(Basic.Consume(queue=queue, consumer_tag=queue), Basic.ConsumeOk)

    async def cancel(self, queue: str) -> None:
        """No deliveries after those that are here already."""
        await self.call(Basic.Cancel(consumer_tag=queue), Basic.CancelOk)

    async def next(self) -> Message:
        """Wait for a message and look at it; `take` takes it."""
        self.raise_failure()
        while not self._ready:
            await self._wait()
            self.raise_failure()
        return self._ready[0]

    def take(self, limit: int) -> list[Message]:
        """The messages that are here, at most `limit`."""
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def acknowledge(self, tag: int) -> None:
        """All deliveries up to this one."""
        self.raise_failure()
        self.send(Basic.Ack(delivery_tag=tag, multiple=True))

    def on_method(self, buffer: bytes, at: int, after: int) -> None:
        start = at + 7
        if buffer.startswith(frames.DELIVER, start):
            self._delivery = frames.read_delivery(buffer, start)
        else:
            super().on_method(buffer, at, after)

    def on_reply(self, method: base.Frame) -> None:
        if isinstance(method, Basic.Cancel):
            self._set_failure("the broker cancelled the consumer")
        else:
            super().on_reply(method)

    def _on_content(self, properties: Properties, body: bytes) -> None:
        if self._delivery is not None:
            tag, redelivered, routing_key = self._delivery
            self._delivery = None
            self._ready.append(Message(tag, redelivered, routing_key, properties, body))
            self._changed.set()
