"""Outbound calls: claimed with a lease, called outside any transaction, recorded together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from common import outbound
from common.clock import FixedClock
from common.errors import DatabaseUnavailable
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.testing import eventually
from common.testing.plugin import FreshDatabase

LEASE = timedelta(seconds=10)

TABLES = """
CREATE TABLE work (id integer PRIMARY KEY, due_at timestamptz);
CREATE TABLE result (work_id integer PRIMARY KEY CHECK (work_id >= 0), answer text NOT NULL);
"""
CLAIM = """
UPDATE work SET due_at = $2
WHERE id IN (SELECT id FROM work WHERE due_at <= $1 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id
"""
OTHER_TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""
RECORD = "INSERT INTO result VALUES ($1, $2) ON CONFLICT DO NOTHING"


@dataclass
class NumberCalls:
    """Work items are numbers: those in `hanging` never answer, those in `failing` raise, negative ones cannot be
    recorded."""

    hanging: set[int] = field(default_factory=set)
    failing: set[int] = field(default_factory=set)
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    calls: list[list[int]] = field(default_factory=list)
    is_database_unavailable: bool = False
    records: list[int] = field(default_factory=list)
    """How many results each transaction was given."""
    running: int = 0
    max_running: int = 0

    async def claim(self, tx: Transaction, limit: int) -> list[int]:
        now = self.clock.now()
        return sorted(row["id"] for row in await tx.sql.fetch(CLAIM, now, now + LEASE, limit))

    async def call(self, items: Sequence[int]) -> list[str]:
        self.calls.append(list(items))
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        try:
            await asyncio.sleep(0.01)
            if self.hanging.intersection(items):
                await asyncio.Event().wait()
            if self.failing.intersection(items):
                raise ConnectionError("the provider is unavailable")
        finally:
            self.running -= 1
        return [f"answer {item}" for item in items]

    async def record(self, tx: Transaction, results: Sequence[tuple[int, str]]) -> None:
        if self.is_database_unavailable:
            raise DatabaseUnavailable("the connection was lost")
        self.records.append(len(results))
        await tx.sql.executemany(RECORD, results)
        await tx.sql.execute("UPDATE work SET due_at = NULL WHERE id = ANY($1)", [item for item, _ in results])


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    database = await fresh_database("common")
    async with database.begin() as tx:
        await tx.sql.execute(TABLES)
    return database


async def add_work(database: Database, calls: NumberCalls, *items: int) -> None:
    async with database.begin() as tx:
        await tx.sql.executemany("INSERT INTO work VALUES ($1, $2)", [(item, calls.clock.now()) for item in items])


async def recorded(database: Database) -> list[int]:
    async with database.begin() as tx:
        return [row["work_id"] for row in await tx.sql.fetch("SELECT work_id FROM result ORDER BY work_id")]


async def run_until_idle(worker: OutboundWorker[int, str], hanging: int = 0) -> None:
    """Run the worker's job until nothing is due and all calls but the hanging ones are recorded."""

    async def is_idle() -> bool:
        return not await worker.run() and worker.in_flight == hanging

    await eventually(is_idle)


async def test_calls_that_finish_together_are_recorded_in_one_transaction(database: Database) -> None:
    calls = NumberCalls()
    await add_work(database, calls, *range(50))
    worker = OutboundWorker("numbers", calls, database, capacity=50)
    await worker.run()
    await worker.join()
    await worker.run()
    assert calls.records == [50]
    assert await recorded(database) == list(range(50))
    assert worker.in_flight == 0


async def test_a_slow_call_delays_no_other(database: Database) -> None:
    calls = NumberCalls(hanging={0})
    await add_work(database, calls, *range(20))
    async with OutboundWorker("numbers", calls, database, capacity=3) as worker:
        await run_until_idle(worker, hanging=1)
        assert await recorded(database) == list(range(1, 20))


async def test_no_more_calls_run_than_the_capacity(database: Database) -> None:
    calls = NumberCalls()
    await add_work(database, calls, *range(20))
    await run_until_idle(OutboundWorker("numbers", calls, database, capacity=3))
    assert calls.max_running == 3
    assert await recorded(database) == list(range(20))


async def test_a_worker_at_capacity_claims_nothing(database: Database) -> None:
    calls = NumberCalls(hanging={0, 1})
    await add_work(database, calls, 0, 1, 2)
    async with OutboundWorker("numbers", calls, database, capacity=2) as worker:
        await run_until_idle(worker, hanging=2)
        assert sorted(calls.calls) == [[0], [1]]
        async with database.begin() as tx:
            assert await tx.sql.fetchval("SELECT due_at FROM work WHERE id = 2") == calls.clock.now()


async def test_a_call_takes_up_to_a_batch_of_items(database: Database) -> None:
    calls = NumberCalls()
    await add_work(database, calls, *range(7))
    await run_until_idle(OutboundWorker("numbers", calls, database, capacity=2, batch=3, lingers=True))
    assert sorted(calls.calls) == [[0, 1, 2], [3, 4, 5], [6]]
    assert await recorded(database) == list(range(7))


async def test_a_crash_between_claim_and_record_calls_again_with_the_same_item_after_the_lease(
    database: Database,
) -> None:
    calls = NumberCalls()
    await add_work(database, calls, 7)
    crashed = OutboundWorker("numbers", calls, database, capacity=5)
    await crashed.run()
    await crashed.join()
    # The process ends here: its result is lost, and another one takes over.
    restarted = OutboundWorker("numbers", calls, database, capacity=5)
    await run_until_idle(restarted)
    assert (calls.calls, await recorded(database)) == ([[7]], [])
    calls.clock.advance(LEASE)
    await run_until_idle(restarted)
    assert (calls.calls, await recorded(database)) == ([[7], [7]], [7])


async def test_two_workers_claim_no_item_twice(database: Database) -> None:
    calls = NumberCalls()
    await add_work(database, calls, *range(60))
    workers = [OutboundWorker("numbers", calls, database, capacity=10) for _ in range(2)]
    await asyncio.gather(*(run_until_idle(worker) for worker in workers))
    assert sorted(calls.calls) == [[item] for item in range(60)]
    assert await recorded(database) == list(range(60))


async def test_a_call_that_raises_is_made_again_after_the_lease(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    calls = NumberCalls(failing={1})
    await add_work(database, calls, 1, 2)
    worker = OutboundWorker("numbers", calls, database, capacity=5)
    await run_until_idle(worker)
    assert await recorded(database) == [2]
    assert "numbers: a call failed" in caplog.text
    calls.failing.clear()
    calls.clock.advance(LEASE)
    await run_until_idle(worker)
    assert await recorded(database) == [1, 2]


async def test_results_are_recorded_one_by_one_if_recording_them_together_fails(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    calls = NumberCalls()
    await add_work(database, calls, -1, 1, 2, 3)
    worker = OutboundWorker("numbers", calls, database, capacity=10)
    await worker.run()
    await worker.join()
    await worker.run()
    assert calls.records == [4, 1, 1, 1, 1]
    assert await recorded(database) == [1, 2, 3]
    assert caplog.text.count("a result could not be recorded") == 1
    calls.clock.advance(LEASE)
    await run_until_idle(worker)
    assert calls.calls[-1] == [-1]


async def test_an_outage_while_recording_fails_the_run_and_the_items_are_called_again(database: Database) -> None:
    calls = NumberCalls()
    await add_work(database, calls, 1, 2)
    worker = OutboundWorker("numbers", calls, database, capacity=5)
    await worker.run()
    await worker.join()
    calls.is_database_unavailable = True
    with pytest.raises(DatabaseUnavailable):
        await worker.run()
    calls.is_database_unavailable = False
    calls.clock.advance(LEASE)
    await run_until_idle(worker)
    assert calls.calls == [[1], [2], [1], [2]]
    assert await recorded(database) == [1, 2]


async def test_shutdown_awaits_calls_in_flight_records_them_and_cancels_late_ones(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SHUTDOWN_SECONDS", 0.2)
    calls = NumberCalls(hanging={0})
    await add_work(database, calls, 0, 1, 2)
    async with OutboundWorker("numbers", calls, database, capacity=10) as worker:
        await worker.run()
    assert await recorded(database) == [1, 2]
    assert (worker.in_flight, calls.running) == (0, 0)


async def test_no_transaction_is_open_during_a_call(database: Database) -> None:
    calls = NumberCalls(hanging={0})
    await add_work(database, calls, 0)
    async with OutboundWorker("numbers", calls, database, capacity=1) as worker:
        await worker.run()
        await asyncio.sleep(0)
        assert calls.running == 1
        async with database.begin() as tx:
            assert await tx.sql.fetchval(OTHER_TRANSACTIONS) == 0
