"""Whoever gives up in the middle of a transaction leaves nothing of it to the next user of the connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.persistence.database import Database, DatabaseAway
from common.testing.plugin import FreshDatabase

MOST_TURNS = 60


@pytest.fixture
async def single(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    """One connection, so that the next user gets the very one that was given up."""
    database = Database((await fresh_database("orders")).url, pool_size=1)
    yield database
    await database.close()


async def write(database: Database, number: int) -> None:
    async with database.begin() as tx:
        await tx.sql.execute("INSERT INTO outbox_partition VALUES ($1)", number)


async def test_what_is_committed_after_somebody_gave_up_is_there(single: Database) -> None:
    """Given up at every turn of the event loop that a transaction takes: at its BEGIN, in its work, at its COMMIT."""
    await write(single, 100)
    for turn in range(MOST_TURNS):
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
    assert {2000 + turn for turn in range(MOST_TURNS)} <= kept


async def test_a_statement_that_gets_no_answer_is_an_outage_and_the_next_user_gets_another_connection(
    fresh_database: FreshDatabase,
) -> None:
    database = Database((await fresh_database("orders")).url, pool_size=1, command_timeout=0.2)
    with pytest.raises(DatabaseAway):
        async with database.begin() as tx:
            await tx.sql.fetchval("SELECT pg_sleep(30)")
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT 1") == 1
    await database.close()


async def test_connections_that_the_server_ended_while_nobody_used_them_are_replaced(
    fresh_database: FreshDatabase, single: Database
) -> None:
    async with single.begin() as tx:
        pid = await tx.sql.fetchval("SELECT pg_backend_pid()")
    async with (await fresh_database("orders")).begin() as tx:
        await tx.sql.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

    async def works() -> bool:
        async with single.begin() as tx:
            return bool(await tx.sql.fetchval("SELECT true"))

    with pytest.raises(DatabaseAway):
        await works()
    assert await works()
