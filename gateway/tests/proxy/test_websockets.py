"""WebSockets and event streams: authentication, relaying, and when they end."""

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest, Script
from gateway_harness import OpenGateway, RunningGateway
from websocket_client import CLOSE_FRAME, EVENT_STREAM_HEAD, SOCKET, accept, echo, socket

from common import clock
from common.contracts.auth import SessionRevoked
from common.contracts.gateway import RequestsLogged
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.proxy.tunnel import FrameTracker

ORIGIN = "https://shop.example"


@pytest.fixture(autouse=True)
def echoing(upstream: FakeUpstream) -> None:
    upstream.scripts[SOCKET] = echo


async def test_bytes_pass_both_ways_unchanged(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async with socket(gateway, Sec_WebSocket_Extensions="permessage-deflate") as opened:
        assert (opened.status, opened.header("upgrade"), opened.header("connection")) == (101, "websocket", "Upgrade")
        assert opened.header("sec-websocket-accept") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="
        assert opened.header("x-request-id") == upstream.requests[0].header("x-request-id")
        assert await opened.frame() == (0x82, b"hello")
        for frame in (b"\x82\x03abc", b"\x89\x00", b"\x82\x7e"[:2]):
            opened.writer.write(frame)
            assert await asyncio.wait_for(opened.reader.readexactly(len(frame)), 5) == frame

    (request,) = upstream.requests
    assert (request.header("upgrade"), request.header("connection")) == ("websocket", "Upgrade")
    assert request.header("sec-websocket-extensions") == "permessage-deflate"
    assert request.header("x-forwarded-for") == "127.0.0.1"
    await asyncio.wait_for(upstream.disconnected.wait(), 5)


async def test_a_client_gets_everything_a_service_sent_before_closing(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    async def send_and_close(request: ReceivedRequest) -> None:
        await accept(request)
        request.writer.write(b"x" * 1_000_000)
        await request.writer.drain()
        request.writer.close()

    upstream.scripts[SOCKET] = send_and_close
    async with socket(gateway) as opened:
        assert await asyncio.wait_for(opened.reader.read(-1), 10) == b"x" * 1_000_000


async def test_a_service_that_rejects_the_upgrade_is_relayed(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def reject(request: ReceivedRequest) -> None:
        await request.respond(426, b'{"code":"upgrade_required"}')

    upstream.scripts[SOCKET] = reject
    async with socket(gateway) as opened:
        assert opened.status == 426
        assert opened.header("connection") == "close"
        assert await asyncio.wait_for(opened.reader.read(-1), 5) == b'{"code":"upgrade_required"}'


async def test_only_websocket_routes_are_upgraded(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async with socket(gateway, "/api/v1/orders") as opened:
        assert opened.status == 200

    assert upstream.requests[0].header("upgrade") is None


@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 101), ("https://evil.example", 403), ("null", 403)])
async def test_only_pages_of_allowed_origins_may_connect(
    open_gateway: OpenGateway, upstream: FakeUpstream, origin: str, status: int
) -> None:
    gateway = await open_gateway(cors_origins=ORIGIN)
    async with socket(gateway, Origin=origin) as opened:
        assert opened.status == status
    assert len(upstream.requests) == (status == 101)


def _by_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _by_subprotocol(token: str) -> dict[str, str]:
    return {"Sec_WebSocket_Protocol": f"access_token, {token}"}


def _by_cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; dukan_access={token}"}


@pytest.mark.parametrize("credential", [_by_header, _by_subprotocol, _by_cookie])
async def test_the_token_is_accepted_as_header_subprotocol_or_cookie(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer, credential: Callable[[str], dict[str, str]]
) -> None:
    token = tokens.token()
    async with socket(gateway, **credential(token)) as opened:
        assert opened.status == 101
        # A browser that offers subprotocols closes the connection if none is chosen.
        assert opened.header("sec-websocket-protocol") == ("access_token" if credential is _by_subprotocol else None)

    (request,) = upstream.requests
    assert request.header("authorization") == f"Bearer {token}"
    assert request.header("sec-websocket-protocol") is None
    assert request.header("cookie") is None


async def test_other_subprotocols_are_left_to_the_service(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    async def choose(request: ReceivedRequest) -> None:
        await accept(request, ("Sec-WebSocket-Protocol", "chat"))

    upstream.scripts[SOCKET] = choose
    async with socket(gateway, Sec_WebSocket_Protocol=f"chat, access_token, {tokens.token()}, other") as opened:
        assert opened.header("sec-websocket-protocol") == "chat"

    assert upstream.requests[0].header("sec-websocket-protocol") == "chat, other"


async def test_an_invalid_token_opens_no_websocket(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    for credential in (_by_header, _by_subprotocol):
        async with socket(gateway, **credential(TestIssuer().token())) as opened:
            assert opened.status == 401
    assert upstream.requests == []


async def test_a_websocket_closes_within_a_second_after_its_session_is_revoked(
    gateway: RunningGateway, tokens: TestIssuer, upstream: FakeUpstream
) -> None:
    session_id, other = new_id(), new_id()
    async with (
        socket(gateway, **_by_header(tokens.token(sid=str(session_id)))) as own,
        socket(gateway, **_by_header(tokens.token(sid=str(other)))) as other_socket,
    ):
        assert await own.frame() == await other_socket.frame() == (0x82, b"hello")
        async with asyncio.timeout(1):
            gateway.transport.tell(_ended(session_id))
            assert await own.frame() == (CLOSE_FRAME, b"\x11\x31session_revoked")
        own.writer.close()
        await asyncio.wait_for(upstream.disconnected.wait(), 5)
        other_socket.writer.write(b"\x82\x01x")
        assert await other_socket.frame() == (0x82, b"x")


async def test_a_websocket_closes_when_its_token_expires(gateway: RunningGateway, tokens: TestIssuer) -> None:
    ends = int((clock.now() + timedelta(seconds=2)).timestamp())
    async with socket(gateway, **_by_header(tokens.token(exp=ends))) as opened:
        assert await opened.frame() == (0x82, b"hello")
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31token_expired")
        # The gateway closes a connection that the client keeps open.
        assert await asyncio.wait_for(_rest(opened.reader), 5) == b""


async def test_no_close_frame_is_sent_in_the_middle_of_a_frame(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    async def send_half_a_frame(request: ReceivedRequest) -> None:
        await accept(request)
        request.writer.write(b"\x82\x05hel")
        await request.reader.read(1)

    upstream.scripts[SOCKET] = send_half_a_frame
    session_id = new_id()
    async with socket(gateway, **_by_header(tokens.token(sid=str(session_id)))) as opened:
        assert await asyncio.wait_for(opened.reader.readexactly(5), 5) == b"\x82\x05hel"
        gateway.transport.tell(_ended(session_id))
        assert await asyncio.wait_for(_rest(opened.reader), 5) == b""


async def test_a_client_that_does_not_read_slows_the_service_down(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    sent = 0

    async def flood(request: ReceivedRequest) -> None:
        nonlocal sent
        await accept(request)
        while True:
            request.writer.write(b"\x82\x7f" + (65536).to_bytes(8) + bytes(65536))
            await request.writer.drain()
            sent += 65536

    upstream.scripts[SOCKET] = flood
    tracemalloc.start()
    async with socket(gateway):
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent > 0
    assert peak < 8 * 1024 * 1024


async def test_a_hundred_websockets_work_at_the_same_time(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(socket(gateway)) for _ in range(100)]
        assert {(await opened.frame())[1] for opened in sockets} == {b"hello"}
        for opened in sockets:
            opened.writer.write(b"\x82\x01x")
        assert {(await opened.frame())[1] for opened in sockets} == {b"x"}
        assert (await gateway.client.get("/api/v1/orders")).status_code == 200
    assert upstream.connections >= 100


async def test_an_event_stream_ends_with_the_session(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    upstream.scripts[SOCKET] = _send_one_event()
    session_id = new_id()
    headers = tokens.bearer(sid=str(session_id))
    async with gateway.client.stream("GET", SOCKET, headers=headers) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        async with asyncio.timeout(1):
            gateway.transport.tell(_ended(session_id))
            # The response is complete, so that the browser reconnects and gets the error.
            assert [piece async for piece in pieces] == []
    await asyncio.wait_for(upstream.disconnected.wait(), 5)
    assert (await gateway.client.get(SOCKET, headers=headers)).status_code == 401


async def test_an_event_stream_may_be_silent_for_longer_than_other_responses(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_gateway(upstream_idle_timeout=0.1)
    more = asyncio.Event()

    async def pausing(request: ReceivedRequest) -> None:
        request.writer.write(EVENT_STREAM_HEAD + b"9\r\ndata: 1\n\n\r\n")
        await more.wait()
        request.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    upstream.scripts[SOCKET] = pausing
    async with gateway.client.stream("GET", SOCKET) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        await asyncio.sleep(0.5)
        more.set()
        assert await anext(pieces) == b"data: 2\n\n"


async def test_the_logged_duration_of_a_websocket_ends_with_its_handshake(gateway: RunningGateway) -> None:
    async with socket(gateway, User_Agent="patient/1") as opened:
        await opened.frame()
        await asyncio.sleep(0.6)
    (entry,) = await eventually(lambda: _logged(gateway, "patient/1"))

    assert entry["status"] == 101
    assert entry["duration_ms"] < 500


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
@pytest.mark.parametrize("step", [1, 7, 70_000])
def test_frame_boundaries_are_found_in_any_segmentation(size: int, step: int) -> None:
    frames = FrameTracker()
    if size < 126:
        head = bytes((0x82, size))
    elif size < 65536:
        head = b"\x82\x7e" + size.to_bytes(2)
    else:
        head = b"\x82\x7f" + size.to_bytes(8)
    sent = (head + bytes(size)) * 2
    ends = {len(sent) // 2, len(sent)}
    for at in range(0, len(sent), step):
        frames.feed(sent[at : at + step])
        assert frames.is_at_boundary == (min(at + step, len(sent)) in ends)


def _ended(session_id: UUID) -> SessionRevoked:
    ends = clock.now() + timedelta(minutes=15)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=ends, reason="logout")


def _send_one_event() -> Script:
    async def send(request: ReceivedRequest) -> None:
        request.writer.write(EVENT_STREAM_HEAD + b"9\r\ndata: 1\n\n\r\n")
        await request.reader.read(1)

    return send


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(-1)
    except ConnectionError:
        return b""


async def _logged(gateway: RunningGateway, agent: str) -> list[dict[str, Any]]:
    batches = [json.loads(event.data) for event in gateway.transport.published if event.type == RequestsLogged.type]
    return [entry for batch in batches for entry in batch["requests"] if entry["user_agent"] == agent]
