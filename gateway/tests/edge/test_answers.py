"""Answers of services in all the shapes that HTTP/1.1 allows, and some that it does not."""

import asyncio

import httpx
import pytest

from common.testing import eventually
from gateway.connection import MOST_HEADERS

from .behind import Behind, Script, Seen
from .conftest import Door

PRODUCTS = "/api/v1/products"


def saying(answer: bytes, *, close: bool = False) -> Script:
    async def say(seen: Seen) -> None:
        await seen.read_body()
        seen.writer.write(answer)
        await seen.writer.drain()
        if close:
            seen.writer.close()

    return say


LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKS = b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\ntrailer: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKS, False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + LENGTH, False),
    ],
)
async def test_every_way_to_end_an_answer_is_understood(
    door: Door, behind: Behind, answer: bytes, closes: bool
) -> None:
    behind.scripts[PRODUCTS] = saying(answer, close=closes)
    for _ in range(2):
        sent = await door.client.get(PRODUCTS)
        assert (sent.status_code, sent.content) == (200, b"hello")
        assert "link" not in sent.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * MOST_HEADERS + b"\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_plain_http_is_a_502(door: Door, behind: Behind, answer: bytes) -> None:
    behind.scripts[PRODUCTS] = saying(answer, close=True)

    assert (await door.client.get(PRODUCTS)).status_code == 502


async def test_what_a_service_says_too_much_is_never_taken_for_another_answer(door: Door, behind: Behind) -> None:
    good = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst"
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    behind.scripts[PRODUCTS] = saying(good + forged)
    for _ in range(3):
        sent = await door.client.get(PRODUCTS)
        assert (sent.status_code, sent.content) == (200, b"first")
    behind.scripts.clear()

    assert (await door.client.get("/api/v1/orders")).content == b"{}"


async def test_an_idle_connection_that_the_service_closed_is_replaced_without_anybody_noticing(
    door: Door, behind: Behind
) -> None:
    closing = asyncio.Event()

    async def once(seen: Seen) -> None:
        await seen.answer()
        await closing.wait()
        seen.writer.close()

    behind.scripts[PRODUCTS] = once
    assert (await door.client.get(PRODUCTS)).status_code == 200
    closing.set()
    behind.scripts.clear()

    # Whether the close or the next request is noticed first: a read may be sent again.
    assert {(await door.client.get(PRODUCTS)).status_code for _ in range(5)} == {200}


async def test_an_early_refusal_reaches_a_client_that_is_still_sending(door: Door, behind: Behind) -> None:
    async def refuse(seen: Seen) -> None:
        await anext(seen.pieces())
        await seen.answer(422)
        seen.writer.close()

    behind.scripts[PRODUCTS] = refuse
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n"
    writer.write(head.encode() + b"x" * 200_000)

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 422")


async def test_many_at_once_each_get_their_own_answer(door: Door, behind: Behind) -> None:
    async def echo(seen: Seen) -> None:
        await asyncio.sleep(0.001 * (int(seen.target[-1]) % 3))
        await seen.answer(200, seen.target.encode())

    for number in range(10):
        behind.scripts[f"{PRODUCTS}/{number}"] = echo
    paths = [f"{PRODUCTS}/{number % 10}" for number in range(200)]
    answers = await asyncio.gather(*(door.client.get(path) for path in paths))

    assert [answer.text for answer in answers] == paths


async def test_a_breaker_that_opened_closes_again_when_the_service_is_back(
    door: Door, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.breaker.OPEN_FOR", 0.2)

    async def cut(seen: Seen) -> None:
        seen.writer.transport.abort()

    behind.scripts[PRODUCTS] = cut
    for _ in range(21):
        await door.client.post(PRODUCTS)
    behind.scripts.clear()

    await eventually(lambda: _answers(door.client))


async def _answers(client: httpx.AsyncClient) -> bool:
    return (await client.post(PRODUCTS)).status_code == 200
