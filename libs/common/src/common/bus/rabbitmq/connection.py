"""One connection to the broker, with channels on it.

Client libraries pass every frame through queues and tasks, which cost 120 µs per message before its handler was called.
Here the bytes that arrive together are cut into frames in one loop, and each frame goes to its channel. Everything else
(handshake, opening channels, declaring) is one request and one reply in pamqp's frames.
Source: AMQP 0-9-1, chapters 1.4 (Connection) and 4.2 (frames, heartbeats), and RabbitMQ's `connection.blocked`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import TypeVar, cast
from urllib.parse import unquote

from pamqp import base
from pamqp.commands import Connection
from pamqp.common import FieldTable
from pamqp.header import ProtocolHeader
from pamqp.heartbeat import Heartbeat
from yarl import URL

from common.bus.rabbitmq import frames
from common.bus.rabbitmq.channel import Channel

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
HEARTBEAT_SECONDS = 10
"""A broker that is silent for twice as long is gone."""

MAX_CHANNELS = 2047
DEFAULT_FRAME_BYTES = 131_072
CAPABILITIES: FieldTable = {
    "authentication_failure_close": True,
    "basic.nack": True,
    "connection.blocked": True,
    "consumer_cancel_notify": True,
    "publisher_confirms": True,
}

C = TypeVar("C", bound=Channel)


class AmqpConnection(asyncio.Protocol):
    """An open connection. Its channels raise ConnectionError once the connection is lost."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = b""
        self._received_at = asyncio.get_running_loop().time()
        self._heartbeat: asyncio.TimerHandle | None = None
        self._max_body = DEFAULT_FRAME_BYTES - frames.OVERHEAD
        self._max_channels = MAX_CHANNELS
        self._control = _ControlChannel(self, self._write)
        self._channels: dict[int, Channel] = {0: self._control}
        self.is_open = True
        self.is_blocked = False
        """The broker is short of memory or disk and takes no messages until it says otherwise."""

    @classmethod
    async def open(cls, url: str, name: str) -> AmqpConnection:
        """Connect; `name` shows in the broker's list of connections. Raises ConnectionError within ten seconds."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await _connect(URL(url), name)
        except (OSError, TimeoutError) as error:
            raise ConnectionError(f"broker not reachable: {error!r}") from error

    async def open_channel(self, kind: type[C]) -> C:
        """A new channel of this kind, with the lowest number that is free."""
        taken = {number for number, channel in self._channels.items() if channel.is_open}
        number = next((n for n in range(1, self._max_channels + 1) if n not in taken), None)
        if number is None:
            raise ConnectionError("every channel of the connection is in use")
        channel = kind(number, self._write, self._max_body)
        if not self.is_open:
            channel.fail("the connection is closed")
        self._channels[number] = channel
        try:
            await channel.open()
        except ConnectionError:
            if channel.is_open:
                # No answer in time: the link may be half-open, and the number could never be used again.
                self.abort("the broker did not open a channel in time")
            raise
        return channel

    @contextlib.asynccontextmanager
    async def channel(self, kind: type[C]) -> AsyncIterator[C]:
        """A channel for the block; at its end the broker requeues the messages that were not acknowledged."""
        channel = await self.open_channel(kind)
        try:
            yield channel
        finally:
            await channel.close()

    async def close(self) -> None:
        """Close at the broker too, a bounded time."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._control.call(Connection.Close(200, "done", 0, 0), Connection.CloseOk)
        self.abort("closed")

    def abort(self, reason: str) -> None:
        """Drop the connection at once: every channel fails with this reason."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self.is_open:
            self.is_open = False
            self._transport.abort()
            for channel in self._channels.values():
                channel.fail(reason)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(ProtocolHeader(0, 9, 1).marshal())

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort(f"the connection was lost: {exc!r}")

    def data_received(self, data: bytes) -> None:
        self._received_at = asyncio.get_running_loop().time()
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        channels, unpack = self._channels, frames.FRAME.unpack_from
        while end - at >= frames.OVERHEAD and self.is_open:
            kind, number, size = unpack(buffer, at)
            start, after = at + 7, at + 8 + size
            if kind not in frames.KINDS:
                self.abort(f"there is no frame of kind {kind}: is this an AMQP broker?")
                return
            if after > end:
                break
            if buffer[after - 1] != frames.END[0]:
                self.abort("a frame does not end where it says")
                return
            channel = channels.get(number)
            if channel is None:
                pass  # a channel that was never opened here
            elif kind == frames.BODY:
                channel.on_body(buffer[start : after - 1])
            elif kind == frames.HEADER:
                channel.on_header(buffer, start)
            elif kind == frames.METHOD:
                channel.on_method(buffer, at, after)
            at = after
        self._buffer = buffer[at:]

    # --- channel 0

    def on_control(self, method: base.Frame) -> bool:
        """Handle a method that the broker sends unasked; false if it is a reply."""
        match method:
            case Connection.Close():
                self._control.send(Connection.CloseOk())
                self.abort(f"the broker closed the connection: {method.reply_code} {method.reply_text}")
            case Connection.Blocked():
                self.is_blocked = True
            case Connection.Unblocked():
                self.is_blocked = False
            case _:
                return False
        return True

    async def handshake(self, address: URL, name: str) -> None:
        await self._control.reply(Connection.Start)
        user, password = address.user or "guest", address.password or "guest"
        properties: FieldTable = {"connection_name": name, "product": "dukan", "capabilities": CAPABILITIES}
        self._control.send(Connection.StartOk(properties, "PLAIN", f"\0{user}\0{password}", "en_US"))
        tune = await self._control.reply(Connection.Tune)
        # 0 means no limit.
        self._max_channels = min(tune.channel_max or MAX_CHANNELS, MAX_CHANNELS)
        frame_bytes = min(tune.frame_max or DEFAULT_FRAME_BYTES, DEFAULT_FRAME_BYTES)
        self._max_body = frame_bytes - frames.OVERHEAD
        self._control.send(Connection.TuneOk(self._max_channels, frame_bytes, HEARTBEAT_SECONDS))
        vhost = unquote(address.raw_path[1:]) or "/"
        await self._control.call(Connection.Open(vhost), Connection.OpenOk)
        self._on_heartbeat()

    def _on_heartbeat(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._received_at > 2 * HEARTBEAT_SECONDS:
            self.abort("the broker has been silent for too long")
            return
        self._write(Heartbeat().marshal())
        self._heartbeat = loop.call_later(HEARTBEAT_SECONDS / 2, self._on_heartbeat)

    def _write(self, data: bytes) -> None:
        self._transport.write(data)


class _ControlChannel(Channel):
    """Channel 0, which carries the methods of the connection itself."""

    def __init__(self, connection: AmqpConnection, write: Callable[[bytes], None]) -> None:
        super().__init__(0, write, max_body=0)
        self._connection = connection

    def on_reply(self, method: base.Frame) -> None:
        if not self._connection.on_control(method):
            super().on_reply(method)


async def _connect(address: URL, name: str) -> AmqpConnection:
    tls = _tls(address) if address.scheme == "amqps" else None
    host, port = address.host or "localhost", address.port or (5671 if tls else 5672)
    _, connection = await asyncio.get_running_loop().create_connection(AmqpConnection, host, port, ssl=tls)
    try:
        await connection.handshake(address, name)
    except BaseException:
        connection.abort("the handshake failed")
        raise
    return connection


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
