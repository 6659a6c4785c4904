"""What hangs is ended by the clock, and not before."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from services.orders.tests.conftest import OpenShop
from services.orders.tests.shop import Shop, reserved

from common import clock, metrics
from common.contracts.orders import OrderCancelled
from common.testing import deliver, facts


@pytest.fixture
def time() -> Iterator[clock.FixedClock]:
    fixed = clock.FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
    with clock.use(fixed):
        yield fixed


async def test_an_order_that_catalog_never_answers_is_cancelled(time: clock.FixedClock, shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    time.advance(timedelta(seconds=59))
    assert await shop.run_job("orders.deadlines") == 0
    time.advance(timedelta(seconds=1))
    assert await shop.run_job("orders.deadlines") == 1
    assert await shop.status(order) == ("cancelled", "stock_timeout")
    assert [fact.reason for fact in await facts(shop.database, OrderCancelled)] == ["stock_timeout"]
    assert await shop.run_job("orders.deadlines") == 0


async def test_the_payment_has_its_own_time_from_the_reservation_on(time: clock.FixedClock, shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    time.advance(timedelta(seconds=30))
    await deliver(shop.service, reserved(order))
    time.advance(timedelta(minutes=14, seconds=59))
    assert await shop.run_job("orders.deadlines") == 0
    time.advance(timedelta(seconds=1))
    assert await shop.run_job("orders.deadlines") == 1
    assert await shop.status(order) == ("cancelled", "payment_timeout")


async def test_deadlines_are_settings(time: clock.FixedClock, open_shop: OpenShop) -> None:
    shop = await open_shop(stock_deadline=5, payment_deadline=20)
    unanswered, unpaid = await shop.customer().order(await shop.product()), await shop.awaiting_payment(shop.customer())
    time.advance(timedelta(seconds=5))
    assert await shop.run_job("orders.deadlines") == 1
    assert (await shop.status(unanswered))[0] == "cancelled"
    time.advance(timedelta(seconds=15))
    assert await shop.run_job("orders.deadlines") == 1
    assert (await shop.status(unpaid))[0] == "cancelled"


async def test_a_confirmed_order_has_no_deadline(time: clock.FixedClock, shop: Shop) -> None:
    order = await shop.confirmed(shop.customer())
    time.advance(timedelta(days=400))
    assert await shop.run_job("orders.deadlines") == 0
    assert (await shop.status(order))[0] == "confirmed"


async def test_an_order_that_is_moving_right_now_is_left_alone(time: clock.FixedClock, shop: Shop) -> None:
    held, hanging = [await shop.customer().order(await shop.product()) for _ in range(2)]
    time.advance(timedelta(seconds=60))
    async with shop.database.begin() as tx:
        await tx.sql.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", UUID(held["id"]))
        assert await shop.run_job("orders.deadlines") == 1
    assert (await shop.status(held))[0] == "pending"
    assert (await shop.status(hanging))[0] == "cancelled"


async def test_a_cancellation_by_the_clock_belongs_to_the_story_of_its_order(
    time: clock.FixedClock, shop: Shop
) -> None:
    await shop.customer().order(await shop.product())
    time.advance(timedelta(seconds=60))
    await shop.run_job("orders.deadlines")
    async with shop.database.begin() as tx:
        stories = await tx.sql.fetch("SELECT DISTINCT correlation_id FROM outbox")
    assert len(stories) == 1


async def test_metrics_show_how_many_checkouts_run_and_how_old_they_are(time: clock.FixedClock, shop: Shop) -> None:
    await shop.customer().order(await shop.product())
    await shop.awaiting_payment(shop.customer())
    await shop.confirmed(shop.customer())
    time.advance(timedelta(seconds=42))
    await shop.run_job("orders.saga_metrics")

    def running(status: str) -> tuple[float, float]:
        counted = metrics.SAGA_ORDERS.labels(status)._value.get()
        return counted, metrics.SAGA_OLDEST_SECONDS.labels(status)._value.get()

    assert (running("pending"), running("awaiting_payment"), running("reserved")) == ((1, 42), (1, 42), (0, 0))
