import asyncio
from collections import Counter
from datetime import timedelta

import httpx
from services.catalog.tests.conftest import MakeProduct, data, product_id
from services.catalog.tests.stock.orders import cancelled, confirmed, lines_of, placed, stock_of

from common import clock
from common.bus.delivery import Dead
from common.clock import FixedClock
from common.contracts.catalog import (
    AvailabilityChanged,
    ReservationExpired,
    StockCommitted,
    StockLine,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
)
from common.ids import new_id
from common.testing import cloud_event_of, deliver, facts
from common.web.service import Service


async def test_two_hundred_orders_for_fifty_units_reserve_exactly_fifty_in_arrival_order(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=50))
    orders = [placed({boots: 1}) for _ in range(200)]
    await deliver(catalog, *orders)
    reserved = [event.order_id for event in await facts(catalog.database, StockReserved)]
    rejected = await facts(catalog.database, StockRejected)
    assert reserved == [order.order_id for order in orders[:50]]
    assert Counter(event.reason for event in rejected) == {"out_of_stock": 150}
    assert await stock_of(catalog, boots) == (0, 50, 0)


async def test_two_concurrent_workers_never_oversell(catalog: Service, make_product: MakeProduct) -> None:
    boots, socks = [product_id(await make_product(title=t, stock=40)) for t in ("Boots", "Socks")]
    there = [placed({boots: 1, socks: 1}) for _ in range(60)]
    back = [placed({socks: 1, boots: 1}) for _ in range(60)]
    await asyncio.gather(deliver(catalog, *there), deliver(catalog, *back))
    assert len(await facts(catalog.database, StockReserved)) == 40
    assert await stock_of(catalog, boots) == await stock_of(catalog, socks) == (0, 40, 0)


async def test_an_order_is_reserved_completely_or_not_at_all(catalog: Service, make_product: MakeProduct) -> None:
    boots, socks = [product_id(await make_product(title=t, stock=n)) for t, n in (("Boots", 10), ("Socks", 2))]
    order = placed({boots: 1, socks: 3})
    await deliver(catalog, order)
    [rejection] = await facts(catalog.database, StockRejected)
    assert (rejection.reason, rejection.product_ids) == ("out_of_stock", (socks,))
    assert await stock_of(catalog, boots) == (10, 0, 0)


async def test_lines_of_the_same_product_add_up(catalog: Service, make_product: MakeProduct) -> None:
    boots = product_id(await make_product(stock=5))
    order = placed({boots: 3}).model_copy(update={"lines": lines_of({boots: 3}) * 2})
    small = placed({boots: 2}).model_copy(update={"lines": lines_of({boots: 2}) * 2})
    await deliver(catalog, order, small)
    [rejection] = await facts(catalog.database, StockRejected)
    [reservation] = await facts(catalog.database, StockReserved)
    assert rejection.order_id == order.order_id
    assert reservation.lines == (StockLine(product_id=boots, quantity=4, available=1),)


async def test_unknown_deleted_and_inactive_products_are_not_for_sale(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    deleted = product_id(await make_product(title="Gone", stock=5))
    hidden = product_id(await make_product(title="Hidden", stock=5))
    assert (await client.delete(f"/api/v1/products/{deleted}", headers=staff)).status_code == 204
    data(await client.patch(f"/api/v1/products/{hidden}", json={"is_active": False}, headers=staff))
    wanted = [new_id(), deleted, hidden]
    await deliver(catalog, *(placed({product: 1}) for product in wanted))
    rejections = await facts(catalog.database, StockRejected)
    assert [(r.reason, r.product_ids) for r in rejections] == [("unknown_product", (p,)) for p in wanted]


async def test_a_confirmed_order_is_sold_and_a_cancelled_one_is_available_again(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    first, second = placed({boots: 3}), placed({boots: 4})
    await deliver(catalog, first, second)
    await deliver(catalog, confirmed(first), cancelled(second))
    assert await stock_of(catalog, boots) == (7, 0, 3)
    [committed] = await facts(catalog.database, StockCommitted)
    [released] = await facts(catalog.database, StockReleased)
    assert (committed.order_id, committed.lines[0].quantity) == (first.order_id, 3)
    assert (released.order_id, released.lines[0].quantity) == (second.order_id, 4)


async def test_a_sold_order_that_is_cancelled_later_returns_its_stock(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 3})
    for event in (order, confirmed(order), cancelled(order)):
        await deliver(catalog, event)
    assert await stock_of(catalog, boots) == (10, 0, 0)


async def test_redelivered_and_repeated_events_change_nothing(catalog: Service, make_product: MakeProduct) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 2})
    cloud_events = [cloud_event_of(event) for event in (order, confirmed(order))]
    for _ in range(2):
        await deliver(catalog, *cloud_events)
    await deliver(catalog, order, order, confirmed(order))
    assert await stock_of(catalog, boots) == (8, 0, 2)
    assert len(await facts(catalog.database, StockReserved)) == 1
    assert len(await facts(catalog.database, StockCommitted)) == 1


async def test_an_order_cancelled_before_it_was_placed_reserves_nothing(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 2})
    await deliver(catalog, cancelled(order))
    await deliver(catalog, order)
    assert await stock_of(catalog, boots) == (10, 0, 0)
    assert await facts(catalog.database, StockReserved) == []
    assert await facts(catalog.database, StockReleased) == []


async def test_a_rejected_order_stays_rejected_when_it_is_placed_again(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product())
    order = placed({boots: 1})
    await deliver(catalog, order)
    body = {"delta": 5, "reason": "received"}
    data(await client.post(f"/api/v1/products/{boots}/stock", json=body, headers=staff))
    await deliver(catalog, order)
    assert await stock_of(catalog, boots) == (5, 0, 0)
    assert len(await facts(catalog.database, StockRejected)) == 1


async def test_a_cancellation_concurrent_with_its_order_leaves_nothing_reserved(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=100))
    orders = [placed({boots: 1}) for _ in range(40)]
    await asyncio.gather(deliver(catalog, *orders), deliver(catalog, *(cancelled(order) for order in orders)))
    assert await stock_of(catalog, boots) == (100, 0, 0)


async def test_a_confirmation_without_reserved_stock_becomes_a_dead_letter_alone(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    orders = [placed({boots: 1}) for _ in range(3)]
    await deliver(catalog, *orders)
    unknown, released = placed({boots: 1}), orders[0]
    await deliver(catalog, cancelled(released))
    settled = await deliver(catalog, *map(confirmed, [orders[1], unknown, released, orders[2]]), may_fail=True)
    assert [isinstance(settlement, Dead) for settlement in settled] == [False, True, True, False]
    assert await stock_of(catalog, boots) == (8, 0, 2)


async def test_low_stock_is_published_once(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=8))
    await deliver(catalog, placed({boots: 2}), placed({boots: 1}), placed({boots: 1}))
    [low] = await facts(catalog.database, StockLow)
    assert (low.product_id, low.available) == (boots, 5)
    for delta in (10, -12):
        body = {"delta": delta, "reason": "correction"}
        data(await client.post(f"/api/v1/products/{boots}/stock", json=body, headers=staff))
    assert [event.available for event in await facts(catalog.database, StockLow)] == [5, 2]


async def test_an_expired_reservation_is_published_and_stays_reserved(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=5))
    expiry = next(job for job in catalog.jobs if job.name == "catalog.expiry")
    with clock.use(FixedClock(clock.now())) as time:
        order, paid = placed({boots: 1}), placed({boots: 1})
        await deliver(catalog, order, paid)
        await deliver(catalog, confirmed(paid))
        assert await expiry.run() == 0
        time.advance(timedelta(minutes=31))
        assert [await expiry.run(), await expiry.run()] == [1, 0]
        assert await stock_of(catalog, boots) == (3, 1, 1)
        time.advance(timedelta(minutes=31))
        assert await expiry.run() == 1
    assert [event.order_id for event in await facts(catalog.database, ReservationExpired)] == [order.order_id] * 2


async def test_selling_out_and_restocking_are_published_and_nothing_between(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct, staff: dict[str, str]
) -> None:
    product = await make_product(stock=5)
    await deliver(catalog, placed({product_id(product): 2}))
    await deliver(catalog, placed({product_id(product): 3}))
    adjustment = {"delta": 4, "reason": "received"}
    data(await client.post(f"/api/v1/products/{product['id']}/stock", json=adjustment, headers=staff))
    changes = await facts(catalog.database, AvailabilityChanged)
    assert [(event.product_id, event.in_stock) for event in changes] == [
        (product_id(product), True),
        (product_id(product), False),
        (product_id(product), True),
    ]
