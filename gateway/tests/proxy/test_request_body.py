"""Bodies that arrive slowly: what they may take, and that they hold up nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway

from common.testing import eventually
from gateway.proxy.request_body import Allowance, Pace
from gateway.settings import Settings

ORDERS = "/api/v1/orders"
DEFAULTS = Settings()
PACE = Pace(DEFAULTS.client_idle_timeout, DEFAULTS.min_body_rate, DEFAULTS.max_body_seconds)
UNFINISHED = {
    "of a declared length": b"Content-Length: 50000\r\n\r\na",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    "without a first byte": b"Content-Length: 50000\r\n\r\n",
    "above 64 KiB": b"Content-Length: 200000\r\n\r\n" + b"a" * 100_000,
}


def seconds_until_rejected(pieces: list[tuple[float, int]]) -> float | None:
    """When a client that sends these pieces (pause before it, bytes) gets 408; None if it may send them all."""
    allowance, now = Allowance(PACE), 0.0
    for pause, size in pieces:
        if pause > allowance.seconds:
            return now + allowance.seconds
        allowance.spend(pause, size)
        now += pause
    return None


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([(1.0, 8000)] * 1049, "8 MiB at 64 kbit/s"),
        ([(0.5, 600)] * 1000, "600 kB at 9.6 kbit/s"),
        ([*[(1.0, 8000)] * 60, (25.0, 8000)] * 10, "4.9 MB at 64 kbit/s with pauses of 25 s"),
        ([(1.0, 37_283)] * 1800, "64 MiB in half an hour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_honest_upload_on_a_slow_link_passes(pieces: list[tuple[float, int]], why: str) -> None:
    assert seconds_until_rejected(pieces) is None, why


@pytest.mark.parametrize(
    ("pieces", "within"),
    [
        ([(5.0, 1)] * 50, 31.0),
        ([(29.0, 1)] * 50, 31.0),
        ([(1.0, 500)] * 5000, 61.0),
        ([(1.0, 100_000)] * 10 + [(5.0, 1)] * 50, 41.0),
        ([(1.0, 2000)] * 5000, 1800.0),
        ([(31.0, 50_000)], 30.0),
    ],
    ids=["a byte every 5 s", "a byte every 29 s", "500 B/s", "fast, then a byte every 5 s", "for hours", "silence"],
)
def test_a_body_below_the_least_rate_ends(pieces: list[tuple[float, int]], within: float) -> None:
    rejected_at = seconds_until_rejected(pieces)

    assert rejected_at is not None
    assert rejected_at <= within


@asynccontextmanager
async def unfinished(gateway: RunningGateway, rest: bytes, count: int = 1) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections with the head and a part of the body of a POST."""
    connections = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(count)]
    for _, writer in connections:
        writer.write(f"POST {ORDERS} HTTP/1.1\r\nHost: shop\r\n".encode() + rest)
    yield [reader for reader, _ in connections]
    for _, writer in connections:
        writer.close()


async def arriving(gateway: RunningGateway) -> int:
    metrics = (await gateway.client.get("/metrics")).text
    [line] = [line for line in metrics.splitlines() if line.startswith("dukan_gateway_bodies ")]
    return int(float(line.split()[1]))


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=list(UNFINISHED))
async def test_unfinished_bodies_take_no_slots(open_gateway: OpenGateway, upstream: FakeUpstream, rest: bytes) -> None:
    gateway = await open_gateway(max_in_flight=4)
    async with unfinished(gateway, rest, count=8):
        await eventually(lambda: _has(gateway, 8))
        read = await gateway.client.get(ORDERS)
        write = await gateway.client.post(ORDERS, content=b"{}")

    assert (read.status_code, write.status_code) == (200, 200)


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=list(UNFINISHED))
async def test_unfinished_bodies_of_one_address_are_limited(
    open_gateway: OpenGateway, upstream: FakeUpstream, rest: bytes
) -> None:
    gateway = await open_gateway(max_bodies_per_address=2)
    async with unfinished(gateway, rest, count=2):
        await eventually(lambda: _has(gateway, 2))
        async with unfinished(gateway, rest) as [reader]:
            rejected = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        whole = await gateway.client.post(ORDERS, content=b"{}")

    assert rejected.startswith(b"HTTP/1.1 429")
    assert b"\r\nretry-after: 5\r\n" in rejected
    assert b'"code":"too_many_bodies"' in rejected
    assert whole.status_code == 200


async def test_unfinished_bodies_of_all_addresses_are_limited(open_gateway: OpenGateway) -> None:
    gateway = await open_gateway(max_bodies=1)
    async with unfinished(gateway, UNFINISHED["chunked"]):
        await eventually(lambda: _has(gateway, 1))
        async with unfinished(gateway, UNFINISHED["chunked"]) as [reader]:
            rejected = await asyncio.wait_for(reader.readuntil(b"}"), 5)

    assert rejected.startswith(b"HTTP/1.1 503")
    assert b'"code":"overloaded"' in rejected


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=list(UNFINISHED))
async def test_a_body_does_not_count_once_its_client_has_left(open_gateway: OpenGateway, rest: bytes) -> None:
    gateway = await open_gateway(max_bodies_per_address=1)
    async with unfinished(gateway, rest):
        await eventually(lambda: _has(gateway, 1))

    await eventually(lambda: _has(gateway, 0))


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=list(UNFINISHED))
async def test_a_body_that_does_not_go_on_gets_408(
    open_gateway: OpenGateway, upstream: FakeUpstream, rest: bytes
) -> None:
    gateway = await open_gateway(client_idle_timeout=0.2)
    async with unfinished(gateway, rest) as [reader], asyncio.timeout(5):
        response = await reader.read()

    assert response.startswith(b"HTTP/1.1 408")
    assert response.count(b"HTTP/1.1 ") == 1
    assert await _has(gateway, 0)


async def test_a_streamed_body_counts_until_its_response(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    go = asyncio.Event()

    async def work(request: ReceivedRequest) -> None:
        await request.read_body()
        await go.wait()
        await request.respond()

    upstream.scripts[ORDERS] = work
    pending = asyncio.create_task(gateway.client.post(ORDERS, content=b"a" * 500_000))
    await eventually(lambda: _has(gateway, 1))
    go.set()

    assert (await pending).status_code == 200
    await eventually(lambda: _has(gateway, 0))


async def _has(gateway: RunningGateway, count: int) -> bool:
    return await arriving(gateway) == count
