import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from common import clock
from common.bus.delivery import Dead
from common.clock import FixedClock
from common.contracts.catalog import (
    ReservationExpired,
    StockCommitted,
    StockLine,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
)
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced
from common.ids import new_id
from common.money import Money
from common.testing import cloud_event_of, deliver, facts
from common.web.service import Service

from .conftest import MakeProduct, data, product_id, refusal

PRICE = Money(amount=100, currency="TZS")


def lines_of(wanted: dict[UUID, int]) -> tuple[OrderLine, ...]:
    return tuple(OrderLine(product_id=p, title="x", quantity=n, unit_price=PRICE) for p, n in wanted.items())


def placed(wanted: dict[UUID, int], order_id: UUID | None = None) -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id or new_id(),
        number="DK-1",
        customer_id=new_id(),
        lines=lines_of(wanted),
        total=PRICE,
        provider="sandbox",
    )


def confirmed(order: OrderPlaced) -> OrderConfirmed:
    return OrderConfirmed(
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        payment_id=new_id(),
        lines=order.lines,
        total=order.total,
    )


def cancelled(order: OrderPlaced) -> OrderCancelled:
    return OrderCancelled(
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        reason="payment_declined",
        lines=order.lines,
        total=order.total,
    )


async def shelf(catalog: Service, product: UUID) -> tuple[int, int, int]:
    """(available, reserved, sold), having checked that the ledger explains what is available."""
    async with catalog.database.begin() as tx:
        row = await tx.sql.fetchrow("SELECT available, reserved, sold FROM stock WHERE product_id = $1", product)
        in_ledger = await tx.sql.fetchval("SELECT sum(delta) FROM stock_ledger WHERE product_id = $1", product)
    assert in_ledger == row["available"]
    return row["available"], row["reserved"], row["sold"]


async def test_two_hundred_orders_for_fifty_pieces_reserve_exactly_fifty_in_arrival_order(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=50))
    orders = [placed({boots: 1}) for _ in range(200)]
    await deliver(catalog, *orders)
    reserved = [fact.order_id for fact in await facts(catalog.database, StockReserved)]
    rejected = await facts(catalog.database, StockRejected)
    assert reserved == [order.order_id for order in orders[:50]]
    assert Counter(fact.reason for fact in rejected) == {"out_of_stock": 150}
    assert await shelf(catalog, boots) == (0, 50, 0)


async def test_two_workers_at_once_never_sell_more_than_there_is(catalog: Service, make_product: MakeProduct) -> None:
    boots, socks = [product_id(await make_product(title=t, stock=40)) for t in ("Boots", "Socks")]
    there = [placed({boots: 1, socks: 1}) for _ in range(60)]
    back = [placed({socks: 1, boots: 1}) for _ in range(60)]
    await asyncio.gather(deliver(catalog, *there), deliver(catalog, *back))
    assert len(await facts(catalog.database, StockReserved)) == 40
    assert await shelf(catalog, boots) == await shelf(catalog, socks) == (0, 40, 0)


async def test_an_order_is_reserved_wholly_or_not_at_all(catalog: Service, make_product: MakeProduct) -> None:
    boots, socks = [product_id(await make_product(title=t, stock=n)) for t, n in (("Boots", 10), ("Socks", 2))]
    order = placed({boots: 1, socks: 3})
    await deliver(catalog, order)
    [rejection] = await facts(catalog.database, StockRejected)
    assert (rejection.reason, rejection.product_ids) == ("out_of_stock", (socks,))
    assert await shelf(catalog, boots) == (10, 0, 0)


async def test_lines_of_the_same_product_add_up(catalog: Service, make_product: MakeProduct) -> None:
    boots = product_id(await make_product(stock=5))
    order = placed({boots: 3}).model_copy(update={"lines": lines_of({boots: 3}) * 2})
    small = placed({boots: 2}).model_copy(update={"lines": lines_of({boots: 2}) * 2})
    await deliver(catalog, order, small)
    [rejection] = await facts(catalog.database, StockRejected)
    [reservation] = await facts(catalog.database, StockReserved)
    assert rejection.order_id == order.order_id
    assert reservation.lines == (StockLine(product_id=boots, quantity=4),)


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


async def test_a_confirmed_order_is_sold_and_a_cancelled_one_returns_to_the_shelf(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    kept, dropped = placed({boots: 3}), placed({boots: 4})
    await deliver(catalog, kept, dropped)
    await deliver(catalog, confirmed(kept), cancelled(dropped))
    assert await shelf(catalog, boots) == (7, 0, 3)
    [committed] = await facts(catalog.database, StockCommitted)
    [released] = await facts(catalog.database, StockReleased)
    assert (committed.order_id, committed.lines[0].quantity) == (kept.order_id, 3)
    assert (released.order_id, released.lines[0].quantity) == (dropped.order_id, 4)


async def test_a_sold_order_that_is_cancelled_later_gives_its_stock_back(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 3})
    for event in (order, confirmed(order), cancelled(order)):
        await deliver(catalog, event)
    assert await shelf(catalog, boots) == (10, 0, 0)


async def test_redelivered_and_repeated_events_change_nothing(catalog: Service, make_product: MakeProduct) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 2})
    cloud_events = [cloud_event_of(event) for event in (order, confirmed(order))]
    for _ in range(2):
        await deliver(catalog, *cloud_events)
    await deliver(catalog, order, order, confirmed(order))
    assert await shelf(catalog, boots) == (8, 0, 2)
    assert len(await facts(catalog.database, StockReserved)) == 1
    assert len(await facts(catalog.database, StockCommitted)) == 1


async def test_an_order_cancelled_before_it_was_placed_takes_nothing(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    order = placed({boots: 2})
    await deliver(catalog, cancelled(order))
    await deliver(catalog, order)
    assert await shelf(catalog, boots) == (10, 0, 0)
    assert await facts(catalog.database, StockReserved) == []
    assert await facts(catalog.database, StockReleased) == []


async def test_a_refused_order_stays_refused_when_it_is_placed_again(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product())
    order = placed({boots: 1})
    await deliver(catalog, order)
    body = {"delta": 5, "reason": "received"}
    data(await client.post(f"/api/v1/products/{boots}/stock", json=body, headers=staff))
    await deliver(catalog, order)
    assert await shelf(catalog, boots) == (5, 0, 0)
    assert len(await facts(catalog.database, StockRejected)) == 1


async def test_a_cancel_racing_with_its_order_leaves_nothing_reserved(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=100))
    orders = [placed({boots: 1}) for _ in range(40)]
    await asyncio.gather(deliver(catalog, *orders), deliver(catalog, *(cancelled(order) for order in orders)))
    assert await shelf(catalog, boots) == (100, 0, 0)


async def test_a_confirmation_without_stock_becomes_a_dead_letter_and_harms_no_other(
    catalog: Service, make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    orders = [placed({boots: 1}) for _ in range(3)]
    await deliver(catalog, *orders)
    stray, given_back = placed({boots: 1}), orders[0]
    await deliver(catalog, cancelled(given_back))
    settled = await deliver(catalog, *map(confirmed, [orders[1], stray, given_back, orders[2]]), may_fail=True)
    assert [isinstance(settlement, Dead) for settlement in settled] == [False, True, True, False]
    assert await shelf(catalog, boots) == (8, 0, 2)


async def test_stock_that_falls_low_is_announced_once(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=8))
    await deliver(catalog, placed({boots: 2}), placed({boots: 1}), placed({boots: 1}))
    [low] = await facts(catalog.database, StockLow)
    assert (low.product_id, low.available) == (boots, 5)
    for delta in (10, -12):
        body = {"delta": delta, "reason": "correction"}
        data(await client.post(f"/api/v1/products/{boots}/stock", json=body, headers=staff))
    assert [fact.available for fact in await facts(catalog.database, StockLow)] == [5, 2]


async def test_orders_is_asked_about_a_reservation_that_is_held_too_long_and_the_stock_stays_aside(
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
        assert await shelf(catalog, boots) == (3, 1, 1)
        time.advance(timedelta(minutes=31))
        assert await expiry.run() == 1
    assert [fact.order_id for fact in await facts(catalog.database, ReservationExpired)] == [order.order_id] * 2


async def test_an_adjustment_never_goes_below_zero_and_says_what_there_is(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=7))
    await deliver(catalog, placed({boots: 3}))
    path = f"/api/v1/products/{boots}/stock"
    too_much = await client.post(path, json={"delta": -5, "reason": "damaged"}, headers=staff)
    assert refusal(too_much, 409, "insufficient_stock", "delta")["detail"] == {"available": 4}
    answer = data(await client.post(path, json={"delta": -4, "reason": "damaged", "note": "wet"}, headers=staff))
    assert answer == {"product_id": str(boots), "available": 0, "reserved": 3}
    assert data(await client.get(path)) == answer


async def test_concurrent_adjustments_take_no_more_than_there_is(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    body = {"delta": -3, "reason": "correction"}
    path = f"/api/v1/products/{boots}/stock"
    answers = await asyncio.gather(*(client.post(path, json=body, headers=staff) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 3}
    assert await shelf(catalog, boots) == (1, 0, 0)


async def test_the_ledger_cannot_be_rewritten(catalog: Service, make_product: MakeProduct) -> None:
    await make_product(stock=1)
    for statement in ("UPDATE stock_ledger SET delta = 9", "DELETE FROM stock_ledger"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            async with catalog.database.begin() as tx:
                await tx.sql.execute(statement)


async def test_staff_read_the_ledger_newest_first_page_by_page(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=7))
    order = placed({boots: 3})
    for event in (order, cancelled(order)):
        await deliver(catalog, event)
    path = f"/api/v1/products/{boots}/stock/ledger"
    first = await client.get(f"{path}?limit=2", headers=staff)
    assert [(e["kind"], e["delta"], e["order_id"]) for e in data(first)] == [
        ("released", 3, str(order.order_id)),
        ("reserved", -3, str(order.order_id)),
    ]
    second = await client.get(f"{path}?limit=2&cursor={first.json()['meta']['next_cursor']}", headers=staff)
    assert [(e["kind"], e["delta"], e["reason"]) for e in data(second)] == [("adjusted", 7, "received")]
    assert second.json()["meta"] == {"next_cursor": None}
    refusal(await client.get(f"{path}?cursor=x", headers=staff), 422, "invalid", "cursor")
    assert (await client.get(path)).status_code == 401
