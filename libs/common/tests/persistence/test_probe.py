"""What readiness asks of the database: whether it answers, and whether it takes writes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient
from sqlalchemy import text

from common.errors import DatabaseFull
from common.persistence import probe
from common.persistence.database import Database
from common.persistence.probe import DiskFull, Probe
from common.settings import ServiceSettings
from common.testing import eventually
from common.testing.plugin import ClientFor, FreshDatabase
from common.web import process
from common.web.service import Service

from .link import Link

RAISE_DISK_FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("common")


@pytest.fixture
async def link(database: Database) -> AsyncIterator[Link]:
    link = Link(database.url)
    async with link:
        yield link


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(probe, "HANG_SECONDS", 0.5)
    monkeypatch.setattr(probe, "FULL_SECONDS", 0.0)


async def test_a_database_that_hangs_is_noticed_and_so_is_its_recovery(link: Link) -> None:
    asked = Probe(link.url, DiskFull())
    assert await asked.answers()
    link.silent = True
    assert not await asked.answers()
    assert not any(await asyncio.gather(*(asked.answers() for _ in range(50))))
    assert link.accepted <= 3
    link.silent = False
    await eventually(asked.answers)
    await asked.close()


async def test_a_database_that_hangs_from_the_start_is_noticed(link: Link) -> None:
    link.silent = True
    asked = Probe(link.url, DiskFull())
    assert not await asked.answers()
    await asked.close()


async def test_a_connection_that_the_server_closed_since_the_last_probe_is_replaced(database: Database) -> None:
    asked = Probe(database.url, DiskFull())
    assert await asked.answers()
    async with database.begin() as tx:
        await tx.sql.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await asked.answers()
    await asked.close()


async def test_a_busy_pool_is_not_taken_for_a_database_that_hangs(client_for: ClientFor, database: Database) -> None:
    small = Database(database.url, pool_size=1)
    client = await client_for(Service("shop", ServiceSettings(), small))
    async with small.begin():
        assert (await client.get("/health/ready")).status_code == 200


BODY = "BEGIN RAISE disk_full; END"


async def plain_sql(tx: Any) -> None:
    await tx.sql.execute(RAISE_DISK_FULL)


async def through_the_session(tx: Any) -> None:
    await tx.session.exec(text(RAISE_DISK_FULL))


async def in_a_function(tx: Any) -> None:
    await tx.sql.execute(f"CREATE FUNCTION pg_temp.fails() RETURNS void LANGUAGE plpgsql AS $f$ {BODY} $f$")
    await tx.sql.fetch("SELECT pg_temp.fails()")


@pytest.mark.parametrize("statement", [plain_sql, through_the_session, in_a_function])
async def test_a_full_disk_of_the_database_shows_in_readiness_and_is_over_when_a_write_succeeds(
    client_for: ClientFor, database: Database, monkeypatch: pytest.MonkeyPatch, statement: Any
) -> None:
    monkeypatch.setattr(probe, "WRITE", RAISE_DISK_FULL)
    client = await client_for(Service("shop", ServiceSettings(), database), checks_errors=False)
    assert await disk(client)
    with pytest.raises(DatabaseFull):
        async with database.apart(1).begin() as tx:
            await statement(tx)
    assert not await disk(client)
    monkeypatch.undo()
    await eventually(lambda: disk(client))
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT to_regclass('pg_temp.dukan_probe')") is None


async def test_a_full_disk_for_files_shows_in_readiness(
    client_for: ClientFor, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    service = Service("shop", ServiceSettings(), database, folders=[tmp_path / "not" / "made"])
    client = await client_for(service)
    assert await disk(client)
    monkeypatch.setattr(process, "MIN_FREE_BYTES", 1 << 62)
    assert not await disk(client)
    monkeypatch.undo()
    assert await disk(client)


async def disk(client: AsyncClient) -> bool:
    body = (await client.get("/health/ready")).json()
    checks = body["data"] or body["errors"][0]["detail"]
    assert checks["database"] is True
    return bool(checks["disk"])


async def test_the_error_of_the_driver_is_kept_as_the_cause(database: Database) -> None:
    with pytest.raises(DatabaseFull) as raised:
        async with database.begin() as tx:
            await plain_sql(tx)
    assert isinstance(raised.value.__cause__, asyncpg.DiskFullError)
