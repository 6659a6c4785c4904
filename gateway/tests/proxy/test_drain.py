"""What a gateway that is told to stop does with what is open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway
from websocket_client import CLOSE_FRAME, EVENT_STREAM_HEAD, SOCKET, echo, socket

STREAM = "/api/v1/notifications/stream"
EVENT = b"data: hello\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@asynccontextmanager
async def open_stream(
    gateway: RunningGateway, upstream: FakeUpstream, first: bytes
) -> AsyncIterator[asyncio.StreamReader]:
    """A client's event stream, read up to the end of `first`."""

    async def stream(request: ReceivedRequest) -> None:
        request.writer.write(EVENT_STREAM_HEAD + chunk(first))
        await request.reader.read()

    upstream.scripts[STREAM] = stream
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    await asyncio.wait_for(reader.readuntil(first), 5)
    yield reader
    writer.close()


async def test_an_event_stream_ends_with_a_retry_hint(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async with open_stream(gateway, upstream, EVENT) as reader:
        gateway.drain.begin()
        rest = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
    assert b"retry: " in rest
    assert rest.endswith(b"\n\n\r\n0\r\n\r\n")


async def test_a_stream_in_the_middle_of_an_event_ends_without_a_hint(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    async with open_stream(gateway, upstream, b"data: hel") as reader:
        gateway.drain.begin()
        assert b"retry" not in await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)


async def test_a_stream_that_begins_while_the_gateway_stops_ends_at_once(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    gateway.drain.begin()
    async with open_stream(gateway, upstream, EVENT) as reader:
        assert b"retry: " in await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)


async def test_a_websocket_is_closed_as_a_restart(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts[SOCKET] = echo
    async with socket(gateway) as opened:
        await opened.frame()
        gateway.drain.begin()
        kind, payload = await opened.frame()
        assert (kind, int.from_bytes(payload[:2], "big")) == (CLOSE_FRAME, 1012)


async def test_requests_are_answered_while_the_gateway_is_not_ready_and_their_connections_closed(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    gateway.drain.begin()
    assert (await gateway.client.get("/health/ready")).json()["errors"][0]["detail"]["accepting"] is False
    answer = await gateway.client.get("/api/v1/orders")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert (await gateway.client.get("/api/v1/orders")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_that_is_cut_off_gets_an_error_of_the_platform(
    open_gateway: OpenGateway, upstream: FakeUpstream, method: str
) -> None:
    gateway = await open_gateway()
    held = asyncio.Event()

    async def hold(request: ReceivedRequest) -> None:
        held.set()
        await request.reader.read()

    upstream.scripts["/api/v1/orders"] = hold
    gateway.server.config.timeout_graceful_shutdown = 0
    request = asyncio.create_task(gateway.client.request(method, "/api/v1/orders"))
    await asyncio.wait_for(held.wait(), 5)
    gateway.drain.begin()
    gateway.server.should_exit = True
    answer = await request
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "stopping", "1")
