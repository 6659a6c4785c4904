"""Bodies in both directions: large ones in bounded memory, streamed ones piece by piece."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator

from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway

PRODUCTS = "/api/v1/products"
PIECE = bytes(range(256)) * 256
PIECES = 640
SIZE = PIECES * len(PIECE)
"""40 MB: far more than the gateway may buffer."""
BOUND = 8 * 1024 * 1024


async def upload() -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


async def test_a_large_upload_is_never_buffered_as_a_whole(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    gateway = await open_gateway(max_body_bytes=SIZE)
    digest = hashlib.sha256()

    async def receive(request: ReceivedRequest) -> None:
        # Slower than the client sends: the rest must wait at the client.
        async for piece in request.pieces():
            digest.update(piece)
            await asyncio.sleep(0)
        await request.respond()

    upstream.scripts[PRODUCTS] = receive
    tracemalloc.start()
    sent = await gateway.client.post(PRODUCTS, content=upload(), headers={"content-length": str(SIZE)})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent.status_code == 200
    assert digest.digest() == hashlib.sha256(PIECE * PIECES).digest()
    assert upstream.requests[0].header("content-length") == str(SIZE)
    assert peak < BOUND


async def test_a_large_response_waits_for_a_slow_client(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    sent = 0

    async def send(request: ReceivedRequest) -> None:
        nonlocal sent
        request.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(PIECES):
            request.writer.write(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
            await request.writer.drain()
            sent += len(PIECE)
        request.writer.write(b"0\r\n\r\n")

    upstream.scripts[PRODUCTS] = send
    digest = hashlib.sha256()
    tracemalloc.start()
    async with gateway.client.stream("GET", PRODUCTS) as response:
        pieces = response.aiter_raw()
        digest.update(await anext(pieces))
        # The client pauses until the service cannot send any more: then all buffers between them are full.
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < SIZE
        async for piece in pieces:
            digest.update(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert digest.digest() == hashlib.sha256(PIECE * PIECES).digest()
    assert peak < BOUND


async def test_a_response_without_a_length_arrives_piece_by_piece(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    more = asyncio.Event()

    async def events(request: ReceivedRequest) -> None:
        request.writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        request.writer.write(b"9\r\ndata: 1\n\n\r\n")
        await more.wait()
        request.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    upstream.scripts["/api/v1/notifications/stream"] = events
    async with gateway.client.stream("GET", "/api/v1/notifications/stream") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        more.set()
        assert await anext(pieces) == b"data: 2\n\n"


async def test_an_upload_of_unknown_length_is_forwarded(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def unknown() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 50_000

    await gateway.client.post(PRODUCTS, content=unknown())
    await gateway.client.post(PRODUCTS, content=b"")

    assert upstream.requests[0].body == b"x" * 250_000
    assert upstream.requests[1].body == b""


async def test_expect_100_continue_is_answered_by_the_gateway(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 100")
    writer.write(b"abc")
    await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 200"), 5)
    writer.close()

    assert upstream.requests[0].body == b"abc"
    assert upstream.requests[0].header("expect") is None


async def test_a_client_that_continues_after_an_early_response_is_disconnected(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_gateway(max_body_bytes=SIZE)

    async def reject(request: ReceivedRequest) -> None:
        await request.respond(413, b"{}", ("connection", "close"))
        request.writer.close()

    upstream.scripts[PRODUCTS] = reject
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: {SIZE}\r\n\r\n".encode())
    writer.write(PIECE * 8)
    async with asyncio.timeout(20):
        received = await reader.read()
    writer.close()

    assert received.startswith(b"HTTP/1.1 413")
    assert b"\r\nconnection: close\r\n" in received.lower()
