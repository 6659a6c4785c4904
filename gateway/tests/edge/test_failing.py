"""When a service is slow, gone or half gone: who is told what, and what is let go."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import httpx
import pytest

from common.testing import TestIssuer, eventually

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

PRODUCTS = "/api/v1/products"
ORDERS = "/api/v1/orders"


async def test_a_service_that_does_not_answer_in_time_is_a_504_and_is_let_go(
    open_door: OpenDoor, behind: Behind
) -> None:
    door = await open_door(longest_timeout=0.3)
    released = asyncio.Event()

    async def hang(seen: Seen) -> None:
        assert await seen.reader.read(1) == b""
        released.set()

    behind.scripts[PRODUCTS] = hang
    sent = await door.client.get(PRODUCTS)

    assert (sent.status_code, sent.json()["code"]) == (504, "gateway_timeout")
    assert sent.headers["retry-after"]
    await asyncio.wait_for(released.wait(), 5)


async def test_a_service_that_cuts_the_connection_is_a_502(door: Door, behind: Behind) -> None:
    async def cut(seen: Seen) -> None:
        seen.writer.transport.abort()

    behind.scripts[PRODUCTS] = cut
    sent = await door.client.get(PRODUCTS)

    assert (sent.status_code, sent.json()["code"]) == (502, "bad_gateway")
    assert sent.headers["retry-after"]
    assert "127.0.0.1" not in sent.text


async def test_a_service_that_is_gone_is_a_502_then_a_503_until_it_is_back(behind: Behind, door: Door) -> None:
    async with httpx.AsyncClient(base_url=door.client.base_url, trust_env=False) as client:
        behind.scripts[PRODUCTS] = _cut
        refused = [await client.post(PRODUCTS) for _ in range(21)]

    assert [answer.status_code for answer in refused[:20]] == [502] * 20
    assert refused[20].status_code == 503
    assert 1 <= int(refused[20].headers["retry-after"]) <= 10
    other = await door.client.get("/api/v1/orders")
    assert other.status_code == 200


async def test_a_read_waits_out_a_restarting_service_and_a_write_is_not_sent_twice(
    open_door: OpenDoor, behind: Behind
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    door = await open_door(catalog_url=nobody)

    read, write = await door.client.get(PRODUCTS), await door.client.post(PRODUCTS)

    assert (read.status_code, write.status_code) == (502, 502)
    assert behind.seen == []


async def test_a_write_that_a_service_may_have_seen_is_never_repeated(door: Door, behind: Behind) -> None:
    behind.scripts["/api/v1/orders"] = _cut
    sent = await door.client.put("/api/v1/orders", content=b"{}")

    assert sent.status_code == 502
    assert len(behind.seen) == 1


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(door: Door, behind: Behind) -> None:
    async def half(seen: Seen) -> None:
        seen.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100_000)
        await seen.writer.drain()
        seen.writer.close()

    behind.scripts[PRODUCTS] = half
    with pytest.raises(httpx.RemoteProtocolError):
        await door.client.get(PRODUCTS)


async def test_a_client_that_leaves_takes_its_request_with_it(door: Door, behind: Behind) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hang(seen: Seen) -> None:
        arrived.set()
        assert await seen.reader.read(1) == b""
        released.set()

    behind.scripts[PRODUCTS] = hang
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    await asyncio.wait_for(arrived.wait(), 5)
    writer.close()

    await asyncio.wait_for(released.wait(), 5)
    await eventually(lambda: _logged(door, b'"status":499'))


async def test_a_client_that_leaves_in_the_middle_of_its_upload_takes_it_with_it(door: Door, behind: Behind) -> None:
    arrived, broken = asyncio.Event(), asyncio.Event()

    async def take(seen: Seen) -> None:
        try:
            async for _ in seen.pieces():
                arrived.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            broken.set()
            raise

    behind.scripts[PRODUCTS] = take
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 200_000)
    await asyncio.wait_for(arrived.wait(), 5)
    _reset(writer)

    await asyncio.wait_for(broken.wait(), 5)


async def test_a_client_that_stops_sending_is_told_408(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(client_idle_timeout=0.2)
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nabc"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408")
    assert behind.seen == []


async def test_a_busy_service_is_not_sent_more_than_it_may_have_at_hand(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer
) -> None:
    door = await open_door(max_in_flight=2)
    go = asyncio.Event()

    async def wait(seen: Seen) -> None:
        await go.wait()
        await seen.answer()

    behind.scripts[ORDERS] = wait
    held = [asyncio.create_task(door.client.get(ORDERS, headers=tokens.bearer())) for _ in range(2)]
    await eventually(lambda: _count(behind, 2))
    refused = await door.client.get(ORDERS)
    go.set()

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert [(await answer).status_code for answer in held] == [200, 200]


async def test_a_body_above_the_limit_is_refused_declared_or_not(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(max_body_bytes=100_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    declared = await door.client.post(PRODUCTS, content=b"x" * 100_001)
    assert (declared.status_code, declared.json()["code"]) == (413, "payload_too_large")
    assert behind.seen == []

    streamed = await door.client.post(PRODUCTS, content=endless())
    assert (streamed.status_code, streamed.json()["code"]) == (413, "payload_too_large")


async def _cut(seen: Seen) -> None:
    seen.writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close as a crashed client does: with a reset, at once."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _logged(door: Door, text: bytes) -> bool:
    return any(text in cloud_event.data for cloud_event in door.transport.published)


async def _count(behind: Behind, count: int) -> bool:
    return len(behind.seen) == count
