"""Starting while the broker is slow, and reconnecting after the connection was lost."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from prometheus_client import generate_latest

from common.bus.rabbitmq import topology
from common.bus.rabbitmq.transport import RabbitTransport
from common.testing import eventually

HANDSHAKE_BYTES = 700
"""The broker's side of the handshake is shorter; with all declarations it is longer."""


class Proxy:
    """Forwards to the broker; while `slow`, a connection receives nothing after the handshake."""

    def __init__(self) -> None:
        parts = urlsplit(os.environ["AMQP_URL"])
        self._broker = parts.hostname, parts.port
        self._parts = parts
        self.slow = True
        self.outage: str | None = None
        self.attempts = 0
        self.open_connections: set[asyncio.StreamWriter] = set()

    def url(self, server: asyncio.Server) -> str:
        port = server.sockets[0].getsockname()[1]
        return self._parts._replace(netloc=f"{self._parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        if self.outage == "refuses":
            writer.close()
            return
        self.open_connections.add(writer)
        if self.outage == "is silent":
            await reader.read()
            self.open_connections.discard(writer)
            return
        if self.outage == "is no broker":
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        upstream, upwriter = await asyncio.open_connection(*self._broker)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, upwriter, limited=False))
                both.create_task(self._pump(upstream, writer, limited=True))
        finally:
            self.open_connections.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limited: bool) -> None:
        received = 0
        with suppress(ConnectionError):
            while data := await reader.read(100):
                received += len(data)
                if not (limited and self.slow and received > HANDSHAKE_BYTES):
                    writer.write(data)
                    await writer.drain()
        writer.close()


@pytest.fixture
async def proxied() -> AsyncIterator[tuple[Proxy, str]]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.forward, "127.0.0.1", 0)
    yield proxy, proxy.url(server)
    server.close()


@pytest.mark.broker
async def test_a_start_that_took_too_long_can_be_tried_again(
    proxied: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url = proxied
    monkeypatch.setattr(topology, "DECLARE_SECONDS", 2.0)
    transport = RabbitTransport(url, "test")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await transport.start()
    await eventually(lambda: _all_closed(proxy))
    proxy.slow = False
    monkeypatch.setattr(topology, "DECLARE_SECONDS", 10.0)
    await transport.start()
    await transport.close()
    await eventually(lambda: _all_closed(proxy))


async def _all_closed(proxy: Proxy) -> bool:
    return not proxy.open_connections


@pytest.mark.broker
async def test_a_lost_connection_is_opened_again_without_an_event_to_publish(proxied: tuple[Proxy, str]) -> None:
    """The first event after an outage must not wait, and an idle process has nothing to publish."""
    proxy, url = proxied
    proxy.slow = False
    transport = RabbitTransport(url, "test")
    await transport.start()
    for writer in proxy.open_connections:
        writer.close()
    await eventually(lambda: _is(transport, connected=False))
    await eventually(lambda: _is(transport, connected=True))
    await transport.close()


async def _is(transport: RabbitTransport, *, connected: bool) -> bool:
    return transport.connected is connected


@pytest.mark.broker
@pytest.mark.parametrize("outage", ["refuses", "is silent", "is no broker"])
async def test_an_idle_connection_comes_back_whatever_the_outage_was(
    proxied: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch, outage: str
) -> None:
    monkeypatch.setattr("common.bus.rabbitmq.connector.CONNECT_SECONDS", 0.5)
    proxy, url = proxied
    proxy.slow = False
    transport = RabbitTransport(url, f"test-{outage}")
    await transport.start()
    proxy.outage = outage
    for writer in list(proxy.open_connections):
        writer.transport.abort()
    await eventually(lambda: _is(transport, connected=False))
    assert "0.0" in _broker_metric(f"test-{outage}")
    refused = proxy.attempts
    await eventually(lambda: _has_tried(proxy, refused + 2))
    proxy.outage = None
    await eventually(lambda: _is(transport, connected=True))
    assert "1.0" in _broker_metric(f"test-{outage}")
    await transport.close()


async def _has_tried(proxy: Proxy, attempts: int) -> bool:
    return proxy.attempts >= attempts


def _broker_metric(service: str) -> str:
    lines = generate_latest().decode().splitlines()
    return next(line for line in lines if 'connection="publish"' in line and f'"{service}"' in line)
