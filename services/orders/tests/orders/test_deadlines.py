"""Deadlines cancel overdue orders, and only those."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, reserved

from common import clock, metrics
from common.contracts.orders import OrderCancelled
from common.testing import deliver, facts


@pytest.fixture
def time() -> Iterator[clock.FixedClock]:
    fixed = clock.FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
    with clock.use(fixed):
        yield fixed


async def test_an_order_without_an_answer_of_catalog_is_cancelled(time: clock.FixedClock, harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    time.advance(timedelta(seconds=59))
    assert await harness.run_job("orders.deadlines") == 0
    time.advance(timedelta(seconds=1))
    assert await harness.run_job("orders.deadlines") == 1
    assert await harness.status(order) == ("cancelled", "stock_timeout")
    assert [fact.reason for fact in await facts(harness.database, OrderCancelled)] == ["stock_timeout"]
    assert await harness.run_job("orders.deadlines") == 0


async def test_the_payment_deadline_starts_at_the_reservation(time: clock.FixedClock, harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    time.advance(timedelta(seconds=30))
    await deliver(harness.service, reserved(order))
    time.advance(timedelta(minutes=14, seconds=59))
    assert await harness.run_job("orders.deadlines") == 0
    time.advance(timedelta(seconds=1))
    assert await harness.run_job("orders.deadlines") == 1
    assert await harness.status(order) == ("cancelled", "payment_timeout")


async def test_deadlines_are_settings(time: clock.FixedClock, new_harness: NewHarness) -> None:
    harness = await new_harness(stock_deadline=5, payment_deadline=20)
    unanswered, unpaid = (
        await harness.customer().order(await harness.product()),
        await harness.awaiting_payment(harness.customer()),
    )
    time.advance(timedelta(seconds=5))
    assert await harness.run_job("orders.deadlines") == 1
    assert (await harness.status(unanswered))[0] == "cancelled"
    time.advance(timedelta(seconds=15))
    assert await harness.run_job("orders.deadlines") == 1
    assert (await harness.status(unpaid))[0] == "cancelled"


async def test_a_confirmed_order_has_no_deadline(time: clock.FixedClock, harness: Harness) -> None:
    order = await harness.confirmed(harness.customer())
    time.advance(timedelta(days=400))
    assert await harness.run_job("orders.deadlines") == 0
    assert (await harness.status(order))[0] == "confirmed"


async def test_an_overdue_order_that_is_locked_is_skipped(time: clock.FixedClock, harness: Harness) -> None:
    locked, overdue = [await harness.customer().order(await harness.product()) for _ in range(2)]
    time.advance(timedelta(seconds=60))
    async with harness.database.begin() as tx:
        await tx.sql.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", UUID(locked["id"]))
        assert await harness.run_job("orders.deadlines") == 1
    assert (await harness.status(locked))[0] == "pending"
    assert (await harness.status(overdue))[0] == "cancelled"


async def test_a_cancellation_by_deadline_keeps_the_correlation_of_its_order(
    time: clock.FixedClock, harness: Harness
) -> None:
    await harness.customer().order(await harness.product())
    time.advance(timedelta(seconds=60))
    await harness.run_job("orders.deadlines")
    async with harness.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT DISTINCT correlation_id FROM outbox")
    assert len(rows) == 1


async def test_metrics_report_the_number_and_age_of_checkouts_by_status(
    time: clock.FixedClock, harness: Harness
) -> None:
    await harness.customer().order(await harness.product())
    await harness.awaiting_payment(harness.customer())
    await harness.confirmed(harness.customer())
    time.advance(timedelta(seconds=42))
    await harness.run_job("orders.saga_metrics")

    def running(status: str) -> tuple[float, float]:
        counted = metrics.SAGA_ORDERS.labels(status)._value.get()
        return counted, metrics.SAGA_OLDEST_SECONDS.labels(status)._value.get()

    assert (running("pending"), running("awaiting_payment"), running("reserved")) == ((1, 42), (1, 42), (0, 0))
