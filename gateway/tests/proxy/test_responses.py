"""Responses of services: every framing that HTTP/1.1 allows, and some that it does not."""

import asyncio

import httpx
import pytest
from fake_upstream import FakeUpstream, ReceivedRequest, Script
from gateway_harness import RunningGateway

from common.testing import eventually
from gateway.proxy.connection import MAX_HEADER_BYTES

PRODUCTS = "/api/v1/products"


def sending(response: bytes, *, close: bool = False) -> Script:
    async def send(request: ReceivedRequest) -> None:
        await request.read_body()
        request.writer.write(response)
        await request.writer.drain()
        if close:
            request.writer.close()

    return send


LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKS = b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\ntrailer: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKS, False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + LENGTH, False),
    ],
)
async def test_every_framing_of_a_response_is_understood(
    gateway: RunningGateway, upstream: FakeUpstream, response: bytes, closes: bool
) -> None:
    upstream.scripts[PRODUCTS] = sending(response, close=closes)
    for _ in range(2):
        sent = await gateway.client.get(PRODUCTS)
        assert (sent.status_code, sent.content) == (200, b"hello")
        assert "link" not in sent.headers


@pytest.mark.parametrize(
    "response",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n",
    ],
)
async def test_an_invalid_response_is_a_502(gateway: RunningGateway, upstream: FakeUpstream, response: bytes) -> None:
    upstream.scripts[PRODUCTS] = sending(response, close=True)

    assert (await gateway.client.get(PRODUCTS)).status_code == 502


async def test_surplus_bytes_are_never_taken_for_another_response(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    valid = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst"
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    upstream.scripts[PRODUCTS] = sending(valid + forged)
    for _ in range(3):
        sent = await gateway.client.get(PRODUCTS)
        assert (sent.status_code, sent.content) == (200, b"first")
    upstream.scripts.clear()

    assert (await gateway.client.get("/api/v1/orders")).content == b"{}"


async def test_a_closed_idle_connection_is_replaced_transparently(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    closing = asyncio.Event()

    async def once(request: ReceivedRequest) -> None:
        await request.respond()
        await closing.wait()
        request.writer.close()

    upstream.scripts[PRODUCTS] = once
    assert (await gateway.client.get(PRODUCTS)).status_code == 200
    closing.set()
    upstream.scripts.clear()

    # A read is retried if the gateway notices the close only after sending.
    assert {(await gateway.client.get(PRODUCTS)).status_code for _ in range(5)} == {200}


async def test_an_early_error_reaches_a_client_that_is_still_sending(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    async def reject(request: ReceivedRequest) -> None:
        await anext(request.pieces())
        await request.respond(422)
        request.writer.close()

    upstream.scripts[PRODUCTS] = reject
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n"
    writer.write(head.encode() + b"x" * 200_000)

    response = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert response.startswith(b"HTTP/1.1 422")


async def test_concurrent_requests_each_get_their_own_response(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def echo(request: ReceivedRequest) -> None:
        await asyncio.sleep(0.001 * (int(request.target[-1]) % 3))
        await request.respond(200, request.target.encode())

    for number in range(10):
        upstream.scripts[f"{PRODUCTS}/{number}"] = echo
    paths = [f"{PRODUCTS}/{number % 10}" for number in range(200)]
    responses = await asyncio.gather(*(gateway.client.get(path) for path in paths))

    assert [response.text for response in responses] == paths


async def test_an_open_breaker_closes_when_the_service_is_back(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.proxy.breaker.OPEN_SECONDS", 0.2)

    async def cut(request: ReceivedRequest) -> None:
        request.writer.transport.abort()

    upstream.scripts[PRODUCTS] = cut
    for _ in range(21):
        await gateway.client.post(PRODUCTS)
    upstream.scripts.clear()

    await eventually(lambda: _succeeds(gateway.client))


async def _succeeds(client: httpx.AsyncClient) -> bool:
    return (await client.post(PRODUCTS)).status_code == 200
