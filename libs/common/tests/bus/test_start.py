"""Starting while the broker is slow: each attempt begins anew, and none leaves anything behind."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from common.bus.rabbitmq import transport as rabbitmq_transport
from common.bus.rabbitmq.transport import RabbitTransport
from common.testing import eventually

# The broker's greeting, its tuning and its consent to the connection are shorter; all declarations together are longer.
GREETING = 700


class Gate:
    """Lets bytes through to the broker; while `slow`, a connection hears nothing any more after its greeting."""

    def __init__(self) -> None:
        parts = urlsplit(os.environ["AMQP_URL"])
        self._broker = parts.hostname, parts.port
        self._parts = parts
        self.slow = True
        self.open = 0

    def url(self, server: asyncio.Server) -> str:
        port = server.sockets[0].getsockname()[1]
        return self._parts._replace(netloc=f"{self._parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()

    async def pass_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        upstream, upwriter = await asyncio.open_connection(*self._broker)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, upwriter, limited=False))
                both.create_task(self._pump(upstream, writer, limited=True))
        finally:
            self.open -= 1

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limited: bool) -> None:
        heard = 0
        with suppress(ConnectionError):
            while data := await reader.read(100):
                heard += len(data)
                if not (limited and self.slow and heard > GREETING):
                    writer.write(data)
                    await writer.drain()
        writer.close()


@pytest.fixture
async def gate() -> AsyncIterator[tuple[Gate, str]]:
    gate = Gate()
    server = await asyncio.start_server(gate.pass_through, "127.0.0.1", 0)
    yield gate, gate.url(server)
    server.close()


@pytest.mark.broker
async def test_a_start_that_took_too_long_can_be_tried_again(
    gate: tuple[Gate, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    door, url = gate
    monkeypatch.setattr(rabbitmq_transport, "CONNECT_TIMEOUT", 2.0)
    transport = RabbitTransport(url, "test")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await transport.start()
    await eventually(lambda: _nobody(door))
    door.slow = False
    monkeypatch.setattr(rabbitmq_transport, "CONNECT_TIMEOUT", 10.0)
    await transport.start()
    await transport.close()
    await eventually(lambda: _nobody(door))


async def _nobody(door: Gate) -> bool:
    return door.open == 0
