"""A transaction abandoned by its caller leaves nothing to the next user of the connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from common.errors import DatabaseUnavailable
from common.persistence.database import Database
from common.testing.plugin import FreshDatabase
from common.testing.polling import eventually

from .link import Link

MAX_TURNS = 60


@pytest.fixture
async def single(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    """One connection, so that the next user gets the abandoned one."""
    database = Database((await fresh_database("orders")).url, pool_size=1)
    yield database
    await database.close()


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


async def test_a_cancelled_statement_of_the_session_is_cancelled_and_no_outage(single: Database) -> None:
    """SQLAlchemy closes the connection of a cancelled statement: a job that takes that for an outage never ends."""
    other = single.apart(1)

    async def through_the_session() -> None:
        async with single.begin() as tx:
            await (await tx.session.connection()).execute(text("SELECT pg_sleep(60)"))

    async def runs() -> bool:
        async with other.begin() as tx:
            found: bool = await tx.sql.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE '%pg_sleep(60)' AND state = 'active')"
            )
        return found

    given_up = asyncio.create_task(through_the_session())
    await eventually(runs)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await write(single, 100)
    await other.close()


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

    async with single.begin() as tx:
        assert await tx.sql.fetchval("SELECT true")
