"""Limits of streams per caller and in all, and of requests in flight."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway, open_production
from websocket_client import EVENT_STREAM_HEAD, SOCKET, Socket, echo, socket

from common.testing import TestIssuer, eventually

ORDERS = "/api/v1/orders"
MEDIA = "/api/v1/media/1/original"
TWO_STREAMS = '[routes."/notifications"]\nmax_streams = 2\n[routes."/media"]\nmax_streams = 2\n'


async def send_one_event(request: ReceivedRequest) -> None:
    request.writer.write(EVENT_STREAM_HEAD + b"9\r\ndata: 1\n\n\r\n")
    await request.reader.read(1)


async def send_large_response(request: ReceivedRequest) -> None:
    request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2097152\r\n\r\n" + bytes(1000))
    await request.reader.read(1)


@pytest.fixture
async def gateway(
    open_gateway: OpenGateway, upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> RunningGateway:
    file = tmp_path_factory.mktemp("routes") / "routes.toml"
    file.write_text(TWO_STREAMS)
    upstream.scripts |= {SOCKET: echo, "/api/v1/notifications/stream": send_one_event, MEDIA: send_large_response}
    return await open_production(open_gateway, routes_file=str(file))


async def open_response(
    stack: AsyncExitStack, gateway: RunningGateway, path: str, headers: dict[str, str]
) -> httpx.Response:
    """Open a response and leave it unread."""
    return await stack.enter_async_context(gateway.client.stream("GET", path, headers=headers))


async def open_websocket(stack: AsyncExitStack, gateway: RunningGateway, headers: dict[str, str]) -> Socket:
    return await stack.enter_async_context(socket(gateway, **headers))


async def test_websockets_streams_and_long_responses_of_a_caller_share_a_limit(
    gateway: RunningGateway, tokens: TestIssuer, upstream: FakeUpstream
) -> None:
    own, other = tokens.bearer(), tokens.bearer()
    async with AsyncExitStack() as stack:
        assert (await open_websocket(stack, gateway, own)).status == 101
        stream = await open_response(stack, gateway, "/api/v1/notifications/stream", own)
        assert stream.status_code == 200
        asked = len(upstream.requests)
        rejected = await open_websocket(stack, gateway, own)

        assert rejected.status == 429
        assert b'"code":"too_many_streams"' in await asyncio.wait_for(rejected.reader.read(-1), 5)
        assert rejected.header("retry-after") == "5"
        assert len(upstream.requests) == asked
        for path in ("/api/v1/notifications/stream", MEDIA):
            response = await gateway.client.get(path, headers=own)
            assert (response.status_code, response.json()["code"]) == (429, "too_many_streams")
        assert (await gateway.client.get(ORDERS, headers=own)).status_code == 200
        assert (await open_websocket(stack, gateway, other)).status == 101
        assert (await open_response(stack, gateway, MEDIA, {})).status_code == 200

        await stream.aclose()
        await eventually(lambda: _can_open_websocket(stack, gateway, own))


async def test_anonymous_callers_are_limited_by_address(gateway: RunningGateway) -> None:
    async with AsyncExitStack() as stack:
        assert [(await open_websocket(stack, gateway, {})).status for _ in range(3)] == [101, 101, 429]


async def test_streams_do_not_count_as_requests_in_flight(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    upstream.scripts |= {SOCKET: echo, "/api/v1/notifications/stream": send_one_event}
    gateway = await open_gateway(max_in_flight=4)
    async with AsyncExitStack() as stack:
        for _ in range(5):
            assert (await open_websocket(stack, gateway, {})).status == 101
            assert (await open_response(stack, gateway, "/api/v1/notifications/stream", {})).status_code == 200
        assert (await gateway.client.get("/api/v1/notifications")).status_code == 200


async def test_streams_of_all_callers_are_limited(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    upstream.scripts[SOCKET] = echo
    gateway = await open_gateway(max_streams=2)
    async with AsyncExitStack() as stack:
        assert [(await open_websocket(stack, gateway, tokens.bearer())).status for _ in range(3)] == [101, 101, 503]


async def test_requests_in_flight_per_caller_are_limited(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond()

    upstream.scripts[ORDERS] = slowly
    gateway = await open_gateway(max_in_flight=8)
    own, other = tokens.bearer(), tokens.bearer()
    pending = [asyncio.create_task(gateway.client.get(ORDERS, headers=headers)) for headers in (own, own, other)]
    await eventually(lambda: _has_arrived(upstream, 3))
    rejected = await gateway.client.get(ORDERS, headers=own)
    go.set()

    assert (rejected.status_code, rejected.json()["code"]) == (429, "too_many_in_flight")
    assert [(await task).status_code for task in pending] == [200, 200, 200]
    assert (await gateway.client.get(ORDERS, headers=own)).status_code == 200


async def test_a_client_that_reads_nothing_is_disconnected(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.proxy.forwarder.CLIENT_READ_TIMEOUT_SECONDS", 0.3)

    async def flood(request: ReceivedRequest) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            request.writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await request.writer.drain()

    upstream.scripts[MEDIA] = flood
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(f"GET {MEDIA} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    await asyncio.wait_for(upstream.disconnected.wait(), 20)
    writer.close()


async def _can_open_websocket(stack: AsyncExitStack, gateway: RunningGateway, headers: dict[str, str]) -> bool:
    return (await open_websocket(stack, gateway, headers)).status == 101


async def _has_arrived(upstream: FakeUpstream, requests: int) -> bool:
    return len(upstream.requests) == requests
