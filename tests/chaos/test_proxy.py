"""The proxy injects each fault into the chosen connections, and into no others."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from .proxy import Proxy

HELLO = b"\0\0\0\x2a\0\x03\0\0user\0dukan_orders\0database\0dukan_orders\0\0"


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy in front of an echo server."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def client(proxy: Proxy, hello: bytes = HELLO) -> Client:
    """A connection whose first message was echoed."""
    connected = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await said(connected, hello) == hello
    return connected


async def said(to: Client, words: bytes) -> bytes:
    to[1].write(words)
    return await to[0].readexactly(len(words))


async def silent(to: Client, words: bytes) -> bool:
    """Whether this message is not echoed within a moment; it may be later."""
    to[1].write(words)
    try:
        async with asyncio.timeout(0.1):
            await to[0].readexactly(len(words))
    except TimeoutError:
        return True
    return False


async def test_connections_are_identified_by_their_role(proxy: Proxy) -> None:
    amqp = b"AMQP\0\0\x09\x01 \x0fconnection_nameS\0\0\0\x0eorders.publish\x07productS"
    kept = [await client(proxy), await client(proxy, amqp)]
    assert [link.owner for link in proxy.links()] == ["dukan_orders", "orders.publish"]
    assert len(proxy.links("dukan_")) == len(proxy.links("orders")) == len(kept) / 2


async def test_a_reset_after_n_bytes_forwards_exactly_n_bytes(proxy: Proxy) -> None:
    reader, writer = await client(proxy)
    (link,) = proxy.links()
    link.cut_after = 7
    writer.write(b"0123")
    assert await reader.readexactly(3) == b"012"
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(1)
    assert link.is_cut


async def test_stalled_data_is_forwarded_later(proxy: Proxy) -> None:
    stalled, other = await client(proxy), await client(proxy, HELLO.replace(b"orders", b"catalo"))
    (link,) = proxy.links("dukan_orders")
    link.become("stall")
    assert await silent(stalled, b"later")
    assert await said(other, b"now") == b"now"
    link.become("flow")
    assert await stalled[0].readexactly(5) == b"later"


async def test_a_half_open_connection_stays_half_open_and_new_ones_work(proxy: Proxy) -> None:
    dead = await client(proxy)
    (link,) = proxy.links()
    link.become("swallow")
    assert await silent(dead, b"gone")
    proxy.become("flow")
    assert await silent(dead, b"gone too")
    assert await said(await client(proxy), b"here") == b"here"


async def test_a_refusing_proxy_accepts_no_connection(proxy: Proxy) -> None:
    proxy.become("refuse")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await client(proxy)
    proxy.become("flow")
    await client(proxy)
