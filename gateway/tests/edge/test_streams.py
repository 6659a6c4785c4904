"""How many streams a caller may hold, and that they take no request's place."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from common.testing import TestIssuer, eventually

from .behind import Behind, Seen
from .conftest import Door, OpenDoor
from .test_limits import open_production
from .test_sockets import EVENTS, SOCKET, Socket, echo, socket

ORDERS = "/api/v1/orders"
MEDIA = "/api/v1/media/1/original"
TWO = '[routes."/notifications"]\nmax_streams = 2\n[routes."/media"]\nmax_streams = 2\n'


async def say_one_and_wait(seen: Seen) -> None:
    seen.writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
    await seen.reader.read(1)


async def give_two_megabytes(seen: Seen) -> None:
    seen.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2097152\r\n\r\n" + bytes(1000))
    await seen.reader.read(1)


@pytest.fixture
async def door(open_door: OpenDoor, behind: Behind, tmp_path_factory: pytest.TempPathFactory) -> Door:
    file = tmp_path_factory.mktemp("routes") / "routes.toml"
    file.write_text(TWO)
    behind.scripts |= {SOCKET: echo, "/api/v1/notifications/stream": say_one_and_wait, MEDIA: give_two_megabytes}
    return await open_production(open_door, behind, routes_file=str(file))


async def hold(stack: AsyncExitStack, door: Door, path: str, headers: dict[str, str]) -> httpx.Response:
    """An answer that has begun and is left open."""
    return await stack.enter_async_context(door.client.stream("GET", path, headers=headers))


async def join(stack: AsyncExitStack, door: Door, headers: dict[str, str]) -> Socket:
    return await stack.enter_async_context(socket(door, **headers))


async def test_a_caller_holds_so_many_sockets_streams_and_long_answers_together(
    door: Door, tokens: TestIssuer, behind: Behind
) -> None:
    mine, other = tokens.bearer(), tokens.bearer()
    async with AsyncExitStack() as stack:
        assert (await join(stack, door, mine)).status == 101
        stream = await hold(stack, door, "/api/v1/notifications/stream", mine)
        assert stream.status_code == 200
        asked = len(behind.seen)
        refused = await join(stack, door, mine)

        assert refused.status == 429
        assert b'"code":"too_many_streams"' in await asyncio.wait_for(refused.reader.read(-1), 5)
        assert refused.header("retry-after") == "5"
        assert len(behind.seen) == asked
        for path in ("/api/v1/notifications/stream", MEDIA):
            answer = await door.client.get(path, headers=mine)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
        assert (await door.client.get(ORDERS, headers=mine)).status_code == 200
        assert (await join(stack, door, other)).status == 101
        assert (await hold(stack, door, MEDIA, {})).status_code == 200

        await stream.aclose()
        await eventually(lambda: _joins(stack, door, mine))


async def test_who_has_no_credential_is_counted_by_address(door: Door) -> None:
    async with AsyncExitStack() as stack:
        assert [(await join(stack, door, {})).status for _ in range(3)] == [101, 101, 429]


async def test_what_lasts_takes_no_place_of_a_request(open_door: OpenDoor, behind: Behind) -> None:
    behind.scripts |= {SOCKET: echo, "/api/v1/notifications/stream": say_one_and_wait}
    door = await open_door(max_in_flight=4)
    async with AsyncExitStack() as stack:
        for _ in range(5):
            assert (await join(stack, door, {})).status == 101
            assert (await hold(stack, door, "/api/v1/notifications/stream", {})).status_code == 200
        assert (await door.client.get("/api/v1/notifications")).status_code == 200


async def test_there_is_a_bound_for_all_together(open_door: OpenDoor, behind: Behind, tokens: TestIssuer) -> None:
    behind.scripts[SOCKET] = echo
    door = await open_door(max_streams=2)
    async with AsyncExitStack() as stack:
        assert [(await join(stack, door, tokens.bearer())).status for _ in range(3)] == [101, 101, 503]


async def test_one_callers_requests_leave_places_for_others(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer
) -> None:
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer()

    behind.scripts[ORDERS] = slowly
    door = await open_door(max_in_flight=8)
    mine, other = tokens.bearer(), tokens.bearer()
    waiting = [asyncio.create_task(door.client.get(ORDERS, headers=who)) for who in (mine, mine, other)]
    await eventually(lambda: _at_the_service(behind, 3))
    refused = await door.client.get(ORDERS, headers=mine)
    go.set()

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_in_flight")
    assert [(await each).status_code for each in waiting] == [200, 200, 200]
    assert (await door.client.get(ORDERS, headers=mine)).status_code == 200


async def test_a_client_that_takes_nothing_is_hung_up_on(
    door: Door, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.forward.TAKEN_WITHIN", 0.3)

    async def flood(seen: Seen) -> None:
        seen.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            seen.writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await seen.writer.drain()

    behind.scripts[MEDIA] = flood
    _, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1024)
    writer.write(f"GET {MEDIA} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    await asyncio.wait_for(behind.gone.wait(), 20)
    writer.close()


async def _joins(stack: AsyncExitStack, door: Door, headers: dict[str, str]) -> bool:
    return (await join(stack, door, headers)).status == 101


async def _at_the_service(behind: Behind, requests: int) -> bool:
    return len(behind.seen) == requests
