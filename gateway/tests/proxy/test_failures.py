"""Slow, unreachable and broken services, disconnecting clients, and limits of in-flight requests."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import httpx
import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway

from common.testing import TestIssuer, eventually

PRODUCTS = "/api/v1/products"
ORDERS = "/api/v1/orders"


async def test_a_service_that_does_not_respond_in_time_is_a_504_and_is_disconnected(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_gateway(max_timeout=0.3)
    released = asyncio.Event()

    async def hang(request: ReceivedRequest) -> None:
        assert await request.reader.read(1) == b""
        released.set()

    upstream.scripts[PRODUCTS] = hang
    sent = await gateway.client.get(PRODUCTS)

    assert (sent.status_code, sent.json()["code"]) == (504, "gateway_timeout")
    assert sent.headers["retry-after"]
    await asyncio.wait_for(released.wait(), 5)


async def test_a_service_that_closes_the_connection_is_a_502(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def cut(request: ReceivedRequest) -> None:
        request.writer.transport.abort()

    upstream.scripts[PRODUCTS] = cut
    sent = await gateway.client.get(PRODUCTS)

    assert (sent.status_code, sent.json()["code"]) == (502, "bad_gateway")
    assert sent.headers["retry-after"]
    assert "127.0.0.1" not in sent.text


async def test_repeated_502s_open_the_breaker(upstream: FakeUpstream, gateway: RunningGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.client.base_url, trust_env=False) as client:
        upstream.scripts[PRODUCTS] = _cut
        rejected = [await client.post(PRODUCTS) for _ in range(21)]

    assert [response.status_code for response in rejected[:20]] == [502] * 20
    assert rejected[20].status_code == 503
    assert 1 <= int(rejected[20].headers["retry-after"]) <= 10
    other = await gateway.client.get("/api/v1/orders")
    assert other.status_code == 200


async def test_an_unreachable_service_is_a_502_for_reads_and_writes(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{free.getsockname()[1]}"
    gateway = await open_gateway(catalog_url=unreachable)

    read, write = await gateway.client.get(PRODUCTS), await gateway.client.post(PRODUCTS)

    assert (read.status_code, write.status_code) == (502, 502)
    assert upstream.requests == []


async def test_a_write_that_may_have_arrived_is_never_retried(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts["/api/v1/orders"] = _cut
    sent = await gateway.client.put("/api/v1/orders", content=b"{}")

    assert sent.status_code == 502
    assert len(upstream.requests) == 1


async def test_a_truncated_response_is_truncated_for_the_client_too(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    async def half(request: ReceivedRequest) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100_000)
        await request.writer.drain()
        request.writer.close()

    upstream.scripts[PRODUCTS] = half
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.client.get(PRODUCTS)


async def test_a_disconnect_closes_the_upstream_connection(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hang(request: ReceivedRequest) -> None:
        arrived.set()
        assert await request.reader.read(1) == b""
        released.set()

    upstream.scripts[PRODUCTS] = hang
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    await asyncio.wait_for(arrived.wait(), 5)
    writer.close()

    await asyncio.wait_for(released.wait(), 5)
    await eventually(lambda: _logged(gateway, b'"status":499'))


async def test_a_disconnect_during_an_upload_closes_the_upstream_connection(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    arrived, broken = asyncio.Event(), asyncio.Event()

    async def take(request: ReceivedRequest) -> None:
        try:
            async for _ in request.pieces():
                arrived.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            broken.set()
            raise

    upstream.scripts[PRODUCTS] = take
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 200_000)
    await asyncio.wait_for(arrived.wait(), 5)
    _reset(writer)

    await asyncio.wait_for(broken.wait(), 5)


async def test_a_client_that_stops_sending_gets_408(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    gateway = await open_gateway(client_idle_timeout=0.2)
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nabc"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head.encode())
    response = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert response.startswith(b"HTTP/1.1 408")
    assert upstream.requests == []


async def test_requests_in_flight_per_service_are_limited(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    gateway = await open_gateway(max_in_flight=2)
    go = asyncio.Event()

    async def wait(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond()

    upstream.scripts[ORDERS] = wait
    pending = [asyncio.create_task(gateway.client.get(ORDERS, headers=tokens.bearer())) for _ in range(2)]
    await eventually(lambda: _count(upstream, 2))
    rejected = await gateway.client.get(ORDERS)
    go.set()

    assert (rejected.status_code, rejected.json()["code"]) == (503, "overloaded")
    assert [(await response).status_code for response in pending] == [200, 200]


async def test_a_body_above_the_limit_is_rejected_declared_or_not(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_gateway(max_body_bytes=100_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    declared = await gateway.client.post(PRODUCTS, content=b"x" * 100_001)
    assert (declared.status_code, declared.json()["code"]) == (413, "payload_too_large")
    assert upstream.requests == []

    streamed = await gateway.client.post(PRODUCTS, content=endless())
    assert (streamed.status_code, streamed.json()["code"]) == (413, "payload_too_large")


async def _cut(request: ReceivedRequest) -> None:
    request.writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, as a crashed client does."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _logged(gateway: RunningGateway, text: bytes) -> bool:
    return any(text in cloud_event.data for cloud_event in gateway.transport.published)


async def _count(upstream: FakeUpstream, count: int) -> bool:
    return len(upstream.requests) == count
