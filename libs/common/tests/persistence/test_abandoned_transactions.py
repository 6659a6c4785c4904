"""A transaction abandoned by its caller leaves nothing to the next user of the connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import make_url

from common.errors import DatabaseUnavailable
from common.persistence.database import Database
from common.testing.plugin import FreshDatabase

MAX_TURNS = 60


@pytest.fixture
async def single(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    """One connection, so that the next user gets the abandoned one."""
    database = Database((await fresh_database("orders")).url, pool_size=1)
    yield database
    await database.close()


class Link:
    """A proxy to the database that can fall silent: it reads and forwards nothing."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._pumps: set[asyncio.Task[None]] = set()
        self.silent = False

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return self._target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._pumps.add(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.closing(sink):
            while chunk := await source.read(65536):
                if not self.silent:
                    sink.write(chunk)


async def write(database: Database, number: int) -> None:
    async with database.begin() as tx:
        await tx.sql.execute("INSERT INTO outbox_partition VALUES ($1)", number)


async def test_a_commit_after_an_abandoned_transaction_is_durable(single: Database) -> None:
    """Abandoned at every turn of the event loop that a transaction takes: at BEGIN, in the work, at COMMIT."""
    await write(single, 100)
    for turn in range(MAX_TURNS):
        given_up = asyncio.create_task(write(single, 1000 + turn))
        for _ in range(turn):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        await write(single, 2000 + turn)

    other = single.apart(1)
    async with other.begin() as tx:
        kept = {row["partition_no"] for row in await tx.sql.fetch("SELECT partition_no FROM outbox_partition")}
    await other.close()
    assert {2000 + turn for turn in range(MAX_TURNS)} <= kept


async def test_a_silent_database_is_an_outage_and_its_connection_is_replaced(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.persistence.database.ROLLBACK_SECONDS", 0.2)
    link = Link((await fresh_database("orders")).url)
    async with link:
        database = Database(link.url, pool_size=1, command_timeout=0.2)

        async def through_silence() -> None:
            async with database.begin() as tx:
                link.silent = True
                await tx.sql.fetchval("SELECT 1")

        with pytest.raises(DatabaseUnavailable):
            await through_silence()
        link.silent = False
        async with database.begin() as tx:
            assert await tx.sql.fetchval("SELECT 1") == 1
        await database.close()


async def test_a_statement_that_takes_too_long_is_not_an_outage(fresh_database: FreshDatabase) -> None:
    database = Database((await fresh_database("orders")).url, pool_size=1, command_timeout=0.2)
    with pytest.raises(TimeoutError):
        async with database.begin() as tx:
            await tx.sql.fetchval("SELECT pg_sleep(30)")
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT 1") == 1
    await database.close()


async def test_idle_connections_that_the_server_closed_are_replaced(
    fresh_database: FreshDatabase, single: Database
) -> None:
    async with single.begin() as tx:
        pid = await tx.sql.fetchval("SELECT pg_backend_pid()")
    async with (await fresh_database("orders")).begin() as tx:
        await tx.sql.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

    async def works() -> bool:
        async with single.begin() as tx:
            return bool(await tx.sql.fetchval("SELECT true"))

    with pytest.raises(DatabaseUnavailable):
        await works()
    assert await works()
