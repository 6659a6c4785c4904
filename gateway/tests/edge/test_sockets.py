"""WebSockets and streams of events through the gateway: who gets one, what passes, and when it ends."""

import asyncio
import base64
import contextlib
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.contracts.auth import SessionRevoked
from common.contracts.gateway import RequestsLogged
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.tunnel import Frames

from .behind import Behind, Script, Seen
from .conftest import Door, OpenDoor

SOCKET = "/api/v1/notifications/live"
KEY = base64.b64encode(bytes(16)).decode()
SHOP = "https://shop.example"
CLOSED = 0x88
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Socket:
    """A client's end. `head` is the answer to its handshake."""

    head: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    def header(self, name: str) -> str | None:
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return next((value.strip() for key, _, value in lines if key.lower() == name), None)

    async def frame(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame, which is short."""
        first, size = await asyncio.wait_for(self.reader.readexactly(2), 5)
        return first, await asyncio.wait_for(self.reader.readexactly(size), 5)


@asynccontextmanager
async def socket(door: Door, path: str = SOCKET, **headers: str) -> AsyncIterator[Socket]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    lines = {
        "Host": "shop",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    try:
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        yield Socket(answer.decode(), reader, writer)
    finally:
        writer.close()


async def accept(seen: Seen, *headers: tuple[str, str]) -> None:
    key = (seen.one("sec-websocket-key") or "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    proof = base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest()).decode()
    given = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", proof), *headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in given)
    seen.writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode())
    await seen.writer.drain()


async def echo(seen: Seen) -> None:
    """Sends what comes back as it is, after a frame of its own that is written with the answer's head."""
    await accept(seen)
    seen.writer.write(b"\x82\x05hello")
    while piece := await seen.reader.read(65536):
        seen.writer.write(piece)
        await seen.writer.drain()


@pytest.fixture(autouse=True)
def echoing(behind: Behind) -> None:
    behind.scripts[SOCKET] = echo


async def test_bytes_pass_both_ways_as_they_are(door: Door, behind: Behind) -> None:
    async with socket(door, Sec_WebSocket_Extensions="permessage-deflate") as opened:
        assert (opened.status, opened.header("upgrade"), opened.header("connection")) == (101, "websocket", "Upgrade")
        assert opened.header("sec-websocket-accept") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="
        assert opened.header("x-request-id") == behind.seen[0].one("x-request-id")
        assert await opened.frame() == (0x82, b"hello")
        for said in (b"\x82\x03abc", b"\x89\x00", b"\x82\x7e"[:2]):
            opened.writer.write(said)
            assert await asyncio.wait_for(opened.reader.readexactly(len(said)), 5) == said

    (seen,) = behind.seen
    assert (seen.one("upgrade"), seen.one("connection")) == ("websocket", "Upgrade")
    assert seen.one("sec-websocket-extensions") == "permessage-deflate"
    assert seen.one("x-forwarded-for") == "127.0.0.1"
    await asyncio.wait_for(behind.gone.wait(), 5)


async def test_a_service_that_hangs_up_ends_it_for_the_client_with_all_it_said(door: Door, behind: Behind) -> None:
    async def say_goodbye(seen: Seen) -> None:
        await accept(seen)
        seen.writer.write(b"x" * 1_000_000)
        await seen.writer.drain()
        seen.writer.close()

    behind.scripts[SOCKET] = say_goodbye
    async with socket(door) as opened:
        assert await asyncio.wait_for(opened.reader.read(-1), 10) == b"x" * 1_000_000


async def test_a_service_that_does_not_upgrade_is_heard_as_it_is(door: Door, behind: Behind) -> None:
    async def refuse(seen: Seen) -> None:
        await seen.answer(426, b'{"code":"upgrade_required"}')

    behind.scripts[SOCKET] = refuse
    async with socket(door) as opened:
        assert opened.status == 426
        assert opened.header("connection") == "close"
        assert await asyncio.wait_for(opened.reader.read(-1), 5) == b'{"code":"upgrade_required"}'


async def test_only_routes_that_allow_it_are_upgraded(door: Door, behind: Behind) -> None:
    async with socket(door, "/api/v1/orders") as opened:
        assert opened.status == 200

    assert behind.seen[0].one("upgrade") is None


@pytest.mark.parametrize(("origin", "status"), [(SHOP, 101), ("https://evil.example", 403), ("null", 403)])
async def test_a_page_may_connect_only_from_an_origin_that_is_listed(
    open_door: OpenDoor, behind: Behind, origin: str, status: int
) -> None:
    door = await open_door(cors_origins=SHOP)
    async with socket(door, Origin=origin) as opened:
        assert opened.status == status
    assert len(behind.seen) == (status == 101)


def _by_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _by_subprotocol(token: str) -> dict[str, str]:
    return {"Sec_WebSocket_Protocol": f"access_token, {token}"}


def _by_cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; dukan_access={token}"}


@pytest.mark.parametrize("way", [_by_header, _by_subprotocol, _by_cookie])
async def test_the_token_comes_by_header_subprotocol_or_cookie_and_reaches_the_service(
    door: Door, behind: Behind, tokens: TestIssuer, way: Callable[[str], dict[str, str]]
) -> None:
    token = tokens.token()
    async with socket(door, **way(token)) as opened:
        assert opened.status == 101
        # A browser that offered a subprotocol hangs up when none is chosen.
        assert opened.header("sec-websocket-protocol") == ("access_token" if way is _by_subprotocol else None)

    (seen,) = behind.seen
    assert seen.one("authorization") == f"Bearer {token}"
    assert seen.one("sec-websocket-protocol") is None
    assert seen.one("cookie") is None


async def test_what_else_is_offered_is_left_to_the_service(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    async def choose(seen: Seen) -> None:
        await accept(seen, ("Sec-WebSocket-Protocol", "chat"))

    behind.scripts[SOCKET] = choose
    async with socket(door, Sec_WebSocket_Protocol=f"chat, access_token, {tokens.token()}, other") as opened:
        assert opened.header("sec-websocket-protocol") == "chat"

    assert behind.seen[0].one("sec-websocket-protocol") == "chat, other"


async def test_a_token_that_is_not_good_opens_nothing(door: Door, behind: Behind) -> None:
    for way in (_by_header, _by_subprotocol):
        async with socket(door, **way(TestIssuer().token())) as opened:
            assert opened.status == 401
    assert behind.seen == []


async def test_the_end_of_the_session_closes_it_within_a_second(door: Door, tokens: TestIssuer, behind: Behind) -> None:
    session_id, other = new_id(), new_id()
    async with (
        socket(door, **_by_header(tokens.token(sid=str(session_id)))) as mine,
        socket(door, **_by_header(tokens.token(sid=str(other)))) as others,
    ):
        assert await mine.frame() == await others.frame() == (0x82, b"hello")
        async with asyncio.timeout(1):
            door.transport.tell(_ended(session_id))
            assert await mine.frame() == (CLOSED, b"\x11\x31session_revoked")
        mine.writer.close()
        await asyncio.wait_for(behind.gone.wait(), 5)
        others.writer.write(b"\x82\x01x")
        assert await others.frame() == (0x82, b"x")


async def test_the_end_of_the_token_closes_it(door: Door, tokens: TestIssuer) -> None:
    ends = int((clock.now() + timedelta(seconds=2)).timestamp())
    async with socket(door, **_by_header(tokens.token(exp=ends))) as opened:
        assert await opened.frame() == (0x82, b"hello")
        assert await opened.frame() == (CLOSED, b"\x11\x31token_expired")
        # Who does not hang up is hung up on.
        assert await asyncio.wait_for(_rest(opened.reader), 5) == b""


async def test_nothing_is_put_into_the_middle_of_a_frame(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    async def say_half(seen: Seen) -> None:
        await accept(seen)
        seen.writer.write(b"\x82\x05hel")
        await seen.reader.read(1)

    behind.scripts[SOCKET] = say_half
    session_id = new_id()
    async with socket(door, **_by_header(tokens.token(sid=str(session_id)))) as opened:
        assert await asyncio.wait_for(opened.reader.readexactly(5), 5) == b"\x82\x05hel"
        door.transport.tell(_ended(session_id))
        assert await asyncio.wait_for(_rest(opened.reader), 5) == b""


async def test_a_client_that_does_not_read_makes_the_service_wait(door: Door, behind: Behind) -> None:
    sent = 0

    async def flood(seen: Seen) -> None:
        nonlocal sent
        await accept(seen)
        while True:
            seen.writer.write(b"\x82\x7f" + (65536).to_bytes(8) + bytes(65536))
            await seen.writer.drain()
            sent += 65536

    behind.scripts[SOCKET] = flood
    tracemalloc.start()
    async with socket(door):
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent > 0
    assert peak < 8 * 1024 * 1024


async def test_a_hundred_at_once_are_held_and_let_go(door: Door, behind: Behind) -> None:
    async with contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(socket(door)) for _ in range(100)]
        assert {(await opened.frame())[1] for opened in held} == {b"hello"}
        for opened in held:
            opened.writer.write(b"\x82\x01x")
        assert {(await opened.frame())[1] for opened in held} == {b"x"}
        assert (await door.client.get("/api/v1/orders")).status_code == 200
    assert behind.connections >= 100


async def test_a_stream_of_events_ends_with_the_session(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    behind.scripts[SOCKET] = _one_event_and_silence()
    session_id = new_id()
    headers = tokens.bearer(sid=str(session_id))
    async with door.client.stream("GET", SOCKET, headers=headers) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        async with asyncio.timeout(1):
            door.transport.tell(_ended(session_id))
            # It is complete, so that the browser connects anew and learns why.
            assert [piece async for piece in pieces] == []
    await asyncio.wait_for(behind.gone.wait(), 5)
    assert (await door.client.get(SOCKET, headers=headers)).status_code == 401


async def test_a_stream_of_events_may_be_silent_for_longer_than_other_answers(
    open_door: OpenDoor, behind: Behind
) -> None:
    door = await open_door(upstream_idle_timeout=0.1)
    more = asyncio.Event()

    async def pausing(seen: Seen) -> None:
        seen.writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        await more.wait()
        seen.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    behind.scripts[SOCKET] = pausing
    async with door.client.stream("GET", SOCKET) as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        await asyncio.sleep(0.5)
        more.set()
        assert await anext(pieces) == b"data: 2\n\n"


async def test_how_long_one_was_open_is_not_taken_for_a_slow_answer(door: Door) -> None:
    async with socket(door, User_Agent="patient/1") as opened:
        await opened.frame()
        await asyncio.sleep(0.6)
    (entry,) = await eventually(lambda: _logged(door, "patient/1"))

    assert entry["status"] == 101
    assert entry["duration_ms"] < 500


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
@pytest.mark.parametrize("step", [1, 7, 70_000])
def test_frames_are_told_apart_however_they_arrive(size: int, step: int) -> None:
    frames = Frames()
    if size < 126:
        head = bytes((0x82, size))
    elif size < 65536:
        head = b"\x82\x7e" + size.to_bytes(2)
    else:
        head = b"\x82\x7f" + size.to_bytes(8)
    sent = (head + bytes(size)) * 2
    ends = {len(sent) // 2, len(sent)}
    for at in range(0, len(sent), step):
        frames.passed(sent[at : at + step])
        assert frames.is_between == (min(at + step, len(sent)) in ends)


def _ended(session_id: UUID) -> SessionRevoked:
    ends = clock.now() + timedelta(minutes=15)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=ends, reason="logout")


def _one_event_and_silence() -> Script:
    async def say(seen: Seen) -> None:
        seen.writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        await seen.reader.read(1)

    return say


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(-1)
    except ConnectionError:
        return b""


async def _logged(door: Door, agent: str) -> list[dict[str, Any]]:
    batches = [json.loads(event.data) for event in door.transport.published if event.type == RequestsLogged.type]
    return [entry for batch in batches for entry in batch["requests"] if entry["user_agent"] == agent]
