"""Large bodies in bounded memory, both ways, and small ones as they come."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

PRODUCTS = "/api/v1/products"
PIECE = bytes(range(256)) * 256
PIECES = 640
SIZE = PIECES * len(PIECE)
"""40 MB: far more than may be held."""
BOUND = 8 * 1024 * 1024


async def upload() -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


async def test_a_large_upload_is_never_held_as_a_whole(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(max_body_bytes=SIZE)
    digest = hashlib.sha256()

    async def take(seen: Seen) -> None:
        # Slower than the client sends: what does not fit must wait at the client.
        async for piece in seen.pieces():
            digest.update(piece)
            await asyncio.sleep(0)
        await seen.answer()

    behind.scripts[PRODUCTS] = take
    tracemalloc.start()
    sent = await door.client.post(PRODUCTS, content=upload(), headers={"content-length": str(SIZE)})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent.status_code == 200
    assert digest.digest() == hashlib.sha256(PIECE * PIECES).digest()
    assert behind.seen[0].one("content-length") == str(SIZE)
    assert peak < BOUND


async def test_a_large_answer_waits_for_a_client_that_reads_slowly(door: Door, behind: Behind) -> None:
    sent = 0

    async def give(seen: Seen) -> None:
        nonlocal sent
        seen.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(PIECES):
            seen.writer.write(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
            await seen.writer.drain()
            sent += len(PIECE)
        seen.writer.write(b"0\r\n\r\n")

    behind.scripts[PRODUCTS] = give
    digest = hashlib.sha256()
    tracemalloc.start()
    async with door.client.stream("GET", PRODUCTS) as answer:
        pieces = answer.aiter_raw()
        digest.update(await anext(pieces))
        # The client pauses until the service cannot send any more: then everything between them is full.
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


async def test_an_answer_without_a_length_arrives_piece_by_piece(door: Door, behind: Behind) -> None:
    more = asyncio.Event()

    async def events(seen: Seen) -> None:
        seen.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        seen.writer.write(b"9\r\ndata: 1\n\n\r\n")
        await more.wait()
        seen.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    behind.scripts["/api/v1/notifications/stream"] = events
    async with door.client.stream("GET", "/api/v1/notifications/stream") as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        more.set()
        assert await anext(pieces) == b"data: 2\n\n"


async def test_an_upload_of_unknown_length_is_passed_on_as_it_is(door: Door, behind: Behind) -> None:
    async def unknown() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 50_000

    await door.client.post(PRODUCTS, content=unknown())
    await door.client.post(PRODUCTS, content=b"")

    assert behind.seen[0].body == b"x" * 250_000
    assert behind.seen[1].body == b""


async def test_a_client_that_asks_first_is_told_to_go_on(door: Door, behind: Behind) -> None:
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 100")
    writer.write(b"abc")
    await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 200"), 5)
    writer.close()

    assert behind.seen[0].body == b"abc"
    assert behind.seen[0].one("expect") is None


async def test_who_sends_on_after_an_early_answer_loses_the_connection(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(max_body_bytes=SIZE)

    async def refuse(seen: Seen) -> None:
        await seen.answer(413, b"{}", ("connection", "close"))
        seen.writer.close()

    behind.scripts[PRODUCTS] = refuse
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: {SIZE}\r\n\r\n".encode())
    writer.write(PIECE * 8)
    async with asyncio.timeout(20):
        heard = await reader.read()
    writer.close()

    assert heard.startswith(b"HTTP/1.1 413")
    assert b"\r\nconnection: close\r\n" in heard.lower()
