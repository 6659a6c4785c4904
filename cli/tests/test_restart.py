"""A restart of the database server, and what the pools of a running service notice of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.persistence.database import Database
from common.persistence.reader import Reader
from dukan.postgres import EmbeddedPostgres

POOL = 5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    tmp_path.chmod(0o711)
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        yield server


async def write(database: Database) -> int:
    async with database.begin() as tx:
        pid: int = await tx.sql.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.1)")
        return pid


async def read(reader: Reader) -> int:
    async with reader.read() as sql:
        pid: int = await sql.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.1)")
        return pid


async def test_a_restart_costs_no_request_after_it(server: EmbeddedPostgres) -> None:
    """Every connection of both pools is stale, and as many requests as there are connections come at once."""
    database = Database(server.url, pool_size=POOL)
    async with Reader(server.url, POOL) as reader:
        before = {await work for work in asyncio.as_completed([write(database) for _ in range(POOL)])}
        before |= set(await asyncio.gather(*(read(reader) for _ in range(POOL))))
        assert len(before) == 2 * POOL
        server.stop()
        server.start()
        after = set(await asyncio.gather(*(write(database) for _ in range(2 * POOL))))
        after |= set(await asyncio.gather(*(read(reader) for _ in range(2 * POOL))))
    await database.close()
    assert len(after) == 2 * POOL
    assert not before & after
