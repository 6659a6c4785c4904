"""Carrying work: nobody waits for a slow call, a broken report hurts only itself, and leaving loses nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from billing.jobs import teller as tellers
from billing.jobs.teller import Teller
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.testing.plugin import FreshDatabase


@dataclass
class Counter:
    """A desk whose work are numbers: 0 never ends, a negative one cannot be recorded."""

    due: list[int]
    batches: list[int] = field(default_factory=list)

    async def claim(self, tx: Transaction, limit: int) -> list[int]:
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed

    async def ask(self, work: int) -> int:
        if work == 0:
            await asyncio.Event().wait()
        return work * 2

    async def record(self, tx: Transaction, reports: Sequence[tuple[int, int]]) -> None:
        await tx.sql.executemany("INSERT INTO done VALUES (sqrt($1::float8))", [(answer,) for _, answer in reports])
        self.batches.append(len(reports))


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    database = await fresh_database("billing")
    async with database.begin() as tx:
        await tx.sql.execute("CREATE TABLE done (root float8)")
    return database


async def count(database: Database) -> int:
    async with database.begin() as tx:
        return int(await tx.sql.fetchval("SELECT count(*) FROM done"))


async def finish(teller: "Teller[int, int]") -> None:
    while await teller.run():
        await teller.job.pause(0.05)


async def test_what_finishes_together_is_recorded_together(database: Database) -> None:
    desk = Counter(list(range(1, 51)))
    await finish(Teller("counting", desk, database, 50))
    assert desk.batches == [50]
    assert await count(database) == 50


async def test_no_more_calls_are_under_way_than_there_is_capacity_for(database: Database) -> None:
    desk = Counter([0, 0, 0, 0, 0])
    async with Teller("counting", desk, database, 3) as teller:
        await finish(teller)
        assert len(desk.due) == 2


async def test_a_report_that_cannot_be_recorded_hurts_only_itself(database: Database) -> None:
    await finish(Teller("counting", Counter([1, -1, 2, 3]), database, 10))
    assert await count(database) == 3


async def test_leaving_records_what_finishes_and_cuts_off_what_hangs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tellers, "FAREWELL", 0.1)
    async with Teller("counting", Counter([1, 0, 2]), database, 10) as teller:
        await teller.run()
    assert await count(database) == 2
