"""Connections for reading."""

import asyncpg
import pytest

from common.errors import DatabaseUnavailable
from common.persistence.reader import Reader
from common.testing.plugin import FreshDatabase

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = $1"


async def test_a_reader_cannot_write(fresh_database: FreshDatabase) -> None:
    async with Reader((await fresh_database("common")).url, 1) as reader, reader.read() as sql:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await sql.execute("CREATE TABLE mine (id integer)")


async def test_a_closed_connection_is_an_outage_and_the_next_read_opens_another(
    fresh_database: FreshDatabase,
) -> None:
    database = await fresh_database("common")
    async with Reader(database.url, 1) as reader:
        async with reader.read() as sql:
            pid = sql.get_server_pid()

        async def cut_off() -> None:
            async with reader.read() as sql:
                async with database.begin() as tx:
                    await tx.sql.fetchval(OTHERS, pid)
                await sql.fetchval("SELECT pg_sleep(30)")

        with pytest.raises(DatabaseUnavailable):
            await cut_off()
        async with reader.read() as sql:
            assert await sql.fetchval("SELECT 1") == 1


async def test_an_unreachable_database_is_an_outage() -> None:
    async with Reader("postgresql://dukan@127.0.0.1:9/dukan", 1) as reader:
        with pytest.raises(DatabaseUnavailable):
            async with reader.read():
                pass


@pytest.mark.parametrize(("replans", "mode"), [(True, "force_custom_plan"), (False, "auto")])
async def test_a_reader_with_replans_plans_for_the_values_of_each_search(
    fresh_database: FreshDatabase, replans: bool, mode: str
) -> None:
    database = await fresh_database("common")
    async with Reader(database.url, 1, replans=replans) as reader, reader.read() as sql:
        assert await sql.fetchval("SHOW plan_cache_mode") == mode
