"""The connections to a service with several replicas, each of which accepts connections of its own."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.proxy import pool as module
from gateway.proxy.connection import Connection
from gateway.proxy.pool import SPREAD, ConnectionPool

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Replica:
    """Answers every request; counts them by connection."""

    port: int = 0
    requests: Counter[int] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests[id(writer)] += 1
                writer.write(RESPONSE)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def replicas() -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        found = [Replica(), Replica()]
        for replica in found:
            server = await stack.enter_async_context(await asyncio.start_server(replica.serve, "127.0.0.1", 0))
            replica.port = server.sockets[0].getsockname()[1]
        yield found


async def send(pool: ConnectionPool) -> Connection:
    connection = await pool.acquire()
    await connection.send("GET", REQUEST, b"", chunked=False)
    await connection.read()
    pool.release(connection)
    return connection


async def test_one_request_after_the_other_uses_all_connections_in_turn(
    replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROW_SECONDS", 0.0)
    pool = ConnectionPool(f"http://127.0.0.1:{replicas[0].port}", 2.0)
    for _ in range(SPREAD * 10):
        await send(pool)
    assert len(replicas[0].requests) == SPREAD
    assert max(replicas[0].requests.values()) - min(replicas[0].requests.values()) <= SPREAD
    pool.close()


async def test_no_more_connections_are_opened_at_once_than_requests_need(replicas: list[Replica]) -> None:
    pool = ConnectionPool(f"http://127.0.0.1:{replicas[0].port}", 2.0)
    pool._opened_at = float("inf")
    await send(pool)
    for _ in range(20):
        pool._opened_at = float("inf")
        await send(pool)
    assert len(replicas[0].requests) == 1
    pool.close()


@pytest.mark.parametrize(("max_age", "connections"), [(0.000001, 20), (3600.0, 1)])
async def test_a_connection_is_replaced_at_its_age(
    replicas: list[Replica], monkeypatch: pytest.MonkeyPatch, max_age: float, connections: int
) -> None:
    monkeypatch.setattr(module, "SPREAD", 0)
    pool = ConnectionPool(f"http://127.0.0.1:{replicas[0].port}", 2.0, max_age)
    used = [await send(pool) for _ in range(20)]
    assert len(set(map(id, used))) == connections
    pool.close()


async def test_ages_differ_so_that_connections_do_not_end_together(replicas: list[Replica]) -> None:
    pool = ConnectionPool(f"http://127.0.0.1:{replicas[0].port}", 2.0, 100.0)
    opened = [await pool.acquire(fresh=True) for _ in range(20)]
    ages = [connection.retires_at - pool._opened_at for connection in opened]
    assert len(set(ages)) == 20
    assert all(70 < age < 130 for age in ages)
    for connection in opened:
        connection.close()


async def test_the_addresses_of_a_name_share_the_connections_and_a_dead_one_is_passed_over(
    replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def addresses(*_: object, **__: object) -> list[Any]:
        ports = [replica.port for replica in replicas] + [1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
    pool = ConnectionPool("http://orders:8000", 2.0, 0.000001)
    for _ in range(60):
        await send(pool)
    shares = [replica.requests.total() for replica in replicas]
    assert sum(shares) == 60
    assert min(shares) > 10
    pool.close()
