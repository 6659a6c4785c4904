"""Order numbers: from 1 in each year, without gaps."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from services.orders.tests.harness import Harness, problem

from common import clock
from common.context import Origin
from common.ids import new_id
from common.testing.plugin import ClientFor
from orders.app import build
from orders.orders.domain.checkout import Checkout, Deadlines
from orders.orders.usecases.place_orders import CheckoutRequest, place_orders


def numbers(year: int, *serials: int) -> list[str]:
    return [f"DK-{year}-{serial:06d}" for serial in serials]


async def numbers_of(harness: Harness) -> list[str]:
    async with harness.database.begin() as tx:
        return [row["number"] for row in await tx.sql.fetch("SELECT number FROM orders ORDER BY number")]


async def test_checkouts_at_the_same_time_leave_no_gap(harness: Harness) -> None:
    kanga, hidden = await harness.product(), await harness.product(is_active=False)

    async def place(position: int) -> None:
        customer = harness.customer()
        if position % 3:
            await customer.order(kanga)
            return
        # Rejected among others, it rolls their transaction back.
        items = [{"product_id": str(hidden), "quantity": 1}]
        assert problem(await customer.call("POST", "/orders", {"items": items}))[0] == 422

    with clock.use(clock.FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))):
        await asyncio.gather(*(place(position) for position in range(60)))
    assert await numbers_of(harness) == numbers(2026, *range(1, 41))


async def test_two_processes_leave_no_gap(harness: Harness, client_for: ClientFor) -> None:
    kanga = await harness.product()
    other = build(harness.service.settings)  # type: ignore[arg-type]
    second = Harness(other, await client_for(other), harness.tokens)
    with clock.use(clock.FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))):
        await asyncio.gather(*(each.customer().order(kanga) for _ in range(20) for each in (harness, second)))
    assert await numbers_of(harness) == numbers(2026, *range(1, 41))


@pytest.mark.parametrize("year", [2026, 2027, 2099])
async def test_a_year_begins_with_1_at_midnight_utc(harness: Harness, year: int) -> None:
    kanga = await harness.product()
    with clock.use(clock.FixedClock(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))) as time:
        customer = harness.customer()
        placed = [await customer.order(kanga), await customer.order(kanga)]
        time.advance(timedelta(seconds=1))
        placed += [await customer.order(kanga), await customer.order(kanga)]
        time.advance(timedelta(seconds=-1))
        placed.append(await customer.order(kanga))
    found = [order["number"] for order in placed]
    assert found == [*numbers(year, 1, 2), *numbers(year + 1, 1, 2), *numbers(year, 3)]
    assert [number[3:7] for number in found] == [order["created_at"][:4] for order in placed]


async def test_a_number_grows_beyond_six_digits(harness: Harness) -> None:
    kanga = await harness.product()
    with clock.use(clock.FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))):
        customer = harness.customer()
        await customer.order(kanga)
        async with harness.database.begin() as tx:
            await tx.sql.execute("UPDATE order_counter SET last = 999998")
        placed = [await customer.order(kanga) for _ in range(2)]
    assert [order["number"] for order in placed] == ["DK-2026-999999", "DK-2026-1000000"]


async def test_a_process_of_the_former_version_takes_its_numbers_from_the_same_counter(harness: Harness) -> None:
    kanga, at = await harness.product(), datetime(2026, 11, 21, 12, tzinfo=UTC)

    async def former() -> str:
        async with harness.database.begin() as tx:
            number: str = await tx.sql.fetchval("SELECT next_order_number($1)", at)
        return number

    with clock.use(clock.FixedClock(at)):
        placed = [await former(), (await harness.customer().order(kanga))["number"], await former()]
    assert placed == numbers(2026, 1, 2, 3)


async def test_a_process_that_freezes_with_the_counter_is_rolled_back_soon(harness: Harness) -> None:
    kanga = await harness.product()
    checkout = Checkout(new_id(), new_id(), [(kanga, 1)], None, "sandbox", None, None, "request-1")
    deadlines = Deadlines(timedelta(minutes=1), timedelta(minutes=15))
    async with harness.database.begin() as tx:
        before = await tx.sql.fetchval("SHOW idle_in_transaction_session_timeout")
        await place_orders(tx, [CheckoutRequest(checkout, None, Origin("request-1"))], deadlines)
        within = await tx.sql.fetchval("SHOW idle_in_transaction_session_timeout")
    async with harness.database.begin() as tx:
        after = await tx.sql.fetchval("SHOW idle_in_transaction_session_timeout")
    assert (before, within, after) == ("30s", "5s", "30s")
