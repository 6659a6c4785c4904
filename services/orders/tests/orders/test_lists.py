"""GET /orders: days in a zone, order and search."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from services.orders.tests.harness import Harness, User, data

from common.persistence.database import Database


async def numbers(customer: User, **query: str) -> list[str]:
    answer = await customer.client.get("/api/v1/orders", params=query, headers=customer.headers)
    return [order["number"] for order in data(answer)]


async def placed_at(database: Database, order: dict[str, Any], at: datetime) -> None:
    async with database.begin() as tx:
        await tx.sql.execute("UPDATE orders SET created_at = $2 WHERE id = $1", order["id"], at)


@pytest.mark.parametrize(
    ("zone", "day", "found"),
    [
        ("UTC", "2026-03-29", [0, 1]),
        ("Africa/Dar_es_Salaam", "2026-03-29", [0]),
        ("Africa/Dar_es_Salaam", "2026-03-30", [1]),
        ("Europe/Paris", "2026-03-29", [0]),
        ("America/Los_Angeles", "2026-03-28", [0]),
        ("America/Los_Angeles", "2026-03-29", [1]),
    ],
)
async def test_a_day_of_orders_is_that_of_the_zone(harness: Harness, zone: str, day: str, found: list[int]) -> None:
    customer, times = harness.customer(), ("2026-03-29T00:30:00+00:00", "2026-03-29T22:30:00+00:00")
    orders = [await customer.order(await harness.product()) for _ in times]
    for order, at in zip(orders, times, strict=True):
        await placed_at(harness.database, order, datetime.fromisoformat(at))
    customer.headers["timezone"] = zone
    listed = await numbers(customer, **{"from": day, "to": day})
    assert sorted(listed) == sorted(orders[index]["number"] for index in found)


async def test_a_time_bound_is_exact(harness: Harness) -> None:
    customer = harness.customer()
    order = await customer.order(await harness.product())
    at = datetime(2026, 2, 1, 8, tzinfo=UTC)
    await placed_at(harness.database, order, at)
    later = (at + timedelta(seconds=1)).isoformat()
    assert await numbers(customer, **{"from": at.isoformat(), "to": later}) == [order["number"]]
    assert await numbers(customer, to=at.isoformat()) == []


async def test_orders_are_ordered_by_what_the_client_asks_for(harness: Harness) -> None:
    customer = harness.customer()
    orders = [await customer.order(await harness.product(amount)) for amount in (300, 100, 200, 100)]
    by_number = [order["number"] for order in orders]
    assert await numbers(customer) == by_number[::-1]
    assert await numbers(customer, ordering="created_at") == by_number
    assert await numbers(customer, ordering="total") == [by_number[index] for index in (1, 3, 2, 0)]
    assert await numbers(customer, ordering="-total") == [by_number[index] for index in (0, 2, 3, 1)]
    pages = [await numbers(customer, ordering="total", page=str(page), page_size="1") for page in (1, 2, 3, 4)]
    assert [number for page in pages for number in page] == await numbers(customer, ordering="total")


async def test_orders_are_found_by_number_title_and_note_without_accents(harness: Harness) -> None:
    customer = harness.customer()
    order = await customer.order(await harness.product(), note="Sonnez à l'entrée")
    await customer.order(await harness.product())
    for asked in (order["number"], order["number"][-4:], "SONNEZ A L", "entre\u0301e"):
        assert await numbers(customer, search=asked) == [order["number"]]
    assert len(await numbers(customer, search="kanga")) == 2
    assert await numbers(customer, search="zzz") == []
    assert await numbers(harness.customer(), search="kanga") == []


@pytest.mark.parametrize(
    "query", [{"ordering": "nonsense"}, {"ordering": "id"}, {"from": "soon"}, {"to": "31-01-2026"}]
)
async def test_an_unknown_value_names_its_field(harness: Harness, query: dict[str, str]) -> None:
    customer = harness.customer()
    answer: httpx.Response = await customer.client.get("/api/v1/orders", params=query, headers=customer.headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, *query)
