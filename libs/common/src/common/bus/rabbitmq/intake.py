"""A connection to the broker that consumes one queue, and does nothing else.

Client libraries hand every delivery through queues and tasks, frame by frame: 120 µs of a consumer's time went into
each message before its handler saw it. Here the bytes that arrive together are cut into messages in one go. What is
not on that path (connecting, opening, consuming) is pamqp's frames, sent one at a time and answered one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import TypeVar, cast
from urllib.parse import unquote

from pamqp import base, frame
from pamqp.commands import Basic, Channel, Connection
from pamqp.common import FieldTable
from pamqp.header import ProtocolHeader
from pamqp.heartbeat import Heartbeat
from yarl import URL

from common.bus.rabbitmq import frames
from common.bus.rabbitmq.frames import Message, Properties

CHANNEL = 1
CONNECT_TIMEOUT = 10.0
REPLY_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
HEARTBEAT = 10
"""Seconds; a broker that is silent for twice as long is gone."""

Reply = TypeVar("Reply", bound=base.Frame)


class Intake(asyncio.Protocol):
    """Deliveries of one queue, in order. Every method raises ConnectionError once the broker or the way to it is gone.

    Not for concurrent use: one task consumes, takes, acknowledges.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._ready: deque[Message] = deque()
        self._replies: deque[base.Frame] = deque()
        self._news = asyncio.Event()
        self._lost: ConnectionError | None = None
        self._heard = asyncio.get_running_loop().time()
        self._method: tuple[int, bool, str] | None = None
        self._properties = Properties()
        self._missing = 0
        self._body: list[bytes] = []
        self._transport: asyncio.Transport
        self._beat: asyncio.TimerHandle | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, url: str, name: str) -> AsyncIterator[Intake]:
        """A connection for the block; at its end the broker gives what is not acknowledged to somebody else."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                intake = await _connect(URL(url), name)
        except (OSError, TimeoutError) as failure:
            raise ConnectionError(f"broker not reachable: {failure!r}") from failure
        try:
            yield intake
        finally:
            await intake.close()

    async def consume(self, queue: str, prefetch: int) -> None:
        """Begin; at most `prefetch` deliveries are under way without an acknowledgement."""
        await self._ask(Basic.Qos(prefetch_count=prefetch), Basic.QosOk)
        await self._ask(Basic.Consume(queue=queue, consumer_tag=queue), Basic.ConsumeOk)

    async def cancel(self, queue: str) -> None:
        """No deliveries after those that are here already."""
        await self._ask(Basic.Cancel(consumer_tag=queue), Basic.CancelOk)

    async def waiting(self) -> Message:
        """The next message, still to be taken; waits for it."""
        while not self._ready or self._lost is not None:
            await self._hear()
        return self._ready[0]

    def take(self, most: int) -> list[Message]:
        """What is here, at most `most`."""
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def acknowledge(self, tag: int) -> None:
        """All deliveries up to this one."""
        if self._lost is not None:
            raise self._lost
        self._send(Basic.Ack(delivery_tag=tag, multiple=True))

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(ProtocolHeader(0, 9, 1).marshal())

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc!r}")

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        while end - at >= frames.OVERHEAD and self._lost is None:
            kind, _, size = frames.FRAME.unpack_from(buffer, at)
            start, after = at + 7, at + 8 + size
            if kind not in frames.KINDS:
                self._fail(f"there is no frame of kind {kind}: is this an AMQP broker?")
                return
            if after > end:
                break
            if buffer[after - 1] != frames.END[0]:
                self._fail("a frame does not end where it says")
                return
            if kind == frames.BODY:
                self._on_body(buffer[start : after - 1])
            elif kind == frames.HEADER:
                self._on_header(buffer, start)
            elif kind == frames.METHOD:
                self._on_method(buffer, at, start, after)
            at = after
        self._buffer = buffer[at:]
        self._news.set()

    # --- frames

    def _on_method(self, buffer: bytes, at: int, start: int, after: int) -> None:
        if buffer.startswith(frames.DELIVER, start):
            self._method = frames.delivery(buffer, start + len(frames.DELIVER))
            return
        method = frame.unmarshal(buffer[at:after])[2]
        match method:
            case Connection.Close() | Channel.Close():
                self._fail(f"the broker closed the connection: {method.reply_code} {method.reply_text}")
            case Basic.Cancel():
                self._fail("the broker cancelled the consumer")
            case Connection.Blocked() | Connection.Unblocked():
                pass  # it blocks publishers
            case base.Frame():
                self._replies.append(method)

    def _on_header(self, buffer: bytes, start: int) -> None:
        self._missing, self._properties = frames.content(buffer, start)
        self._body.clear()
        if not self._missing:
            self._complete()

    def _on_body(self, piece: bytes) -> None:
        self._body.append(piece)
        self._missing -= len(piece)
        if self._missing <= 0:
            self._complete()

    def _complete(self) -> None:
        if self._method is None:
            self._fail("a content without its method")
            return
        tag, redelivered, routing_key = self._method
        self._ready.append(Message(tag, redelivered, routing_key, self._properties, b"".join(self._body)))
        self._method = None

    # --- the connection

    async def open(self, address: URL, name: str) -> None:
        await self._answer(Connection.Start)
        user, password = address.user or "guest", address.password or "guest"
        properties: FieldTable = {"connection_name": name, "capabilities": {"consumer_cancel_notify": True}}
        self._send(Connection.StartOk(properties, "PLAIN", f"\0{user}\0{password}", "en_US"), 0)
        tune = await self._answer(Connection.Tune)
        self._send(Connection.TuneOk(CHANNEL, tune.frame_max, HEARTBEAT), 0)
        vhost = unquote(address.raw_path[1:]) or "/"
        self._send(Connection.Open(vhost), 0)
        await self._answer(Connection.OpenOk)
        await self._ask(Channel.Open(), Channel.OpenOk)
        self._on_beat()

    async def _ask(self, method: base.Frame, expected: type[Reply]) -> Reply:
        self._send(method)
        return await self._answer(expected)

    async def _answer(self, expected: type[Reply]) -> Reply:
        try:
            async with asyncio.timeout(REPLY_TIMEOUT):
                while not self._replies:
                    await self._hear()
        except TimeoutError:
            raise ConnectionError(f"the broker did not answer with {expected.name} in time") from None
        reply = self._replies.popleft()
        if not isinstance(reply, expected):
            raise ConnectionError(f"the broker answered {reply.name} instead of {expected.name}")
        return reply

    async def _hear(self) -> None:
        """Wait for whatever comes next."""
        if self._lost is not None:
            raise self._lost
        self._news.clear()
        await self._news.wait()

    def _send(self, method: base.Frame, channel: int = CHANNEL) -> None:
        self._transport.write(frame.marshal(method, channel))

    def _on_beat(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._heard > 2 * HEARTBEAT:
            self._fail("the broker has been silent for too long")
            return
        self._transport.write(Heartbeat().marshal())
        self._beat = loop.call_later(HEARTBEAT / 2, self._on_beat)

    def _fail(self, reason: str) -> None:
        """Nothing more comes or goes; whoever waits hears why."""
        if self._lost is None:
            self._lost = ConnectionError(reason)
            self._news.set()
            self._transport.abort()
        if self._beat is not None:
            self._beat.cancel()

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._lost is None:
                    self._send(Connection.Close(200, "done", 0, 0), 0)
                    await self._answer(Connection.CloseOk)
        self._fail("closed")


async def _connect(address: URL, name: str) -> Intake:
    tls = _tls(address) if address.scheme == "amqps" else None
    host, port = address.host or "localhost", address.port or (5671 if tls else 5672)
    _, intake = await asyncio.get_running_loop().create_connection(Intake, host, port, ssl=tls)
    try:
        await intake.open(address, name)
    except BaseException:
        await intake.close()
        raise
    return intake


def _tls(address: URL) -> ssl.SSLContext:
    """As aio-pika reads the URL: `cafile`, `capath`, `cadata`, `certfile`, `keyfile`, `no_verify_ssl=1`."""
    query = address.query
    context = ssl.create_default_context(
        cafile=query.get("cafile"), capath=query.get("capath"), cadata=query.get("cadata")
    )
    if certificate := query.get("certfile"):
        context.load_cert_chain(certificate, query.get("keyfile"))
    if query.get("no_verify_ssl", "0") != "0":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
