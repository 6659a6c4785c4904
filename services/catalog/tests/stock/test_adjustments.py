"""Adjustments by staff, and the ledger."""

import asyncio
from collections import Counter

import asyncpg
import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem, product_id
from services.catalog.tests.stock.orders import cancelled, placed, stock_of

from common.contracts.catalog import StockAdjusted, StockReleased, StockReserved
from common.testing import deliver, facts
from common.web.service import Service


async def test_an_adjustment_below_zero_is_rejected_with_the_available_units(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=7))
    await deliver(catalog, placed({boots: 3}))
    path = f"/api/v1/products/{boots}/stock"
    too_much = await client.post(path, json={"delta": -5, "reason": "damaged"}, headers=staff)
    assert problem(too_much, 409, "insufficient_stock", "delta")["detail"] == {"available": 4}
    answer = data(await client.post(path, json={"delta": -4, "reason": "damaged", "note": "wet"}, headers=staff))
    assert answer == {"product_id": str(boots), "available": 0, "reserved": 3}
    assert data(await client.get(path)) == answer


async def test_an_adjustment_by_nothing_is_an_error(
    client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    path = f"/api/v1/products/{(await make_product(stock=7))['id']}/stock"
    for delta in (0, 0.0, -0):
        answer = await client.post(path, json={"delta": delta, "reason": "received"}, headers=staff)
        problem(answer, 422, "empty_adjustment", "delta")


async def test_adjustments_and_reservations_are_published_with_what_is_left(
    catalog: Service, make_product: MakeProduct, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    boots = product_id(await make_product(stock=7))
    body = {"delta": -2, "reason": "damaged"}
    data(await client.post(f"/api/v1/products/{boots}/stock", json=body, headers=staff))
    first, second = placed({boots: 2}), placed({boots: 1})
    await deliver(catalog, first)
    await deliver(catalog, second)
    await deliver(catalog, cancelled(first))
    adjusted = await facts(catalog.database, StockAdjusted)
    assert [(each.delta, each.available) for each in adjusted] == [(7, 7), (-2, 5)]
    lines = [line for event in await facts(catalog.database, StockReserved) for line in event.lines]
    assert [(line.quantity, line.available) for line in lines] == [(2, 3), (1, 2)]
    [released] = await facts(catalog.database, StockReleased)
    assert [(line.quantity, line.available) for line in released.lines] == [(2, 4)]


async def test_concurrent_adjustments_never_go_below_zero(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    boots = product_id(await make_product(stock=10))
    body = {"delta": -3, "reason": "correction"}
    path = f"/api/v1/products/{boots}/stock"
    answers = await asyncio.gather(*(client.post(path, json=body, headers=staff) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 3}
    assert await stock_of(catalog, boots) == (1, 0, 0)


async def test_the_ledger_is_append_only(catalog: Service, make_product: MakeProduct) -> None:
    await make_product(stock=1)
    for statement in ("UPDATE stock_ledger SET delta = 9", "DELETE FROM stock_ledger"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            async with catalog.database.begin() as tx:
                await tx.sql.execute(statement)


async def test_staff_read_the_ledger_newest_first_in_pages(
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
    problem(await client.get(f"{path}?cursor=x", headers=staff), 422, "invalid_cursor", "cursor")
    assert (await client.get(path)).status_code == 401
