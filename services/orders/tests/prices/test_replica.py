"""The price replica: updated by events in any order; missing prices are fetched from catalog."""

import asyncio
from itertools import permutations
from uuid import UUID

import pytest
from services.orders.tests.catalog_server import CatalogServer
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, data, problem

from common.contracts.catalog import ProductChanged, ProductCreated, ProductDeleted
from common.contracts.event import Event
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.money import Money
from common.testing import deliver

ORDERS_OF_ARRIVAL = list(permutations(range(3)))


def priced(amount: int) -> Money:
    return Money(amount=amount, currency="TZS")


def history(product_id: UUID) -> list[CloudEvent]:
    """A product is created, and its price is raised twice."""
    created = ProductCreated(product_id=product_id, title="A", price=priced(1), final_price=priced(1))
    changes = [
        ProductChanged(product_id=product_id, title=title, price=priced(amount), final_price=priced(amount))
        for title, amount in (("B", 2), ("C", 3))
    ]
    events: list[Event] = [created, *changes]
    return [CloudEvent.of(event).numbered(n) for n, event in enumerate(events, start=1)]


async def order_at(harness: Harness, product_id: UUID) -> tuple[str, int] | str:
    """Title and price at which the product can be ordered, or the code of the error."""
    body = {"items": [{"product_id": str(product_id), "quantity": 1}]}
    response = await harness.customer().call("POST", "/orders", body)
    if response.status_code != 202:
        return str(response.json()["code"])
    [line] = data(response, 202)["items"]
    return line["title"], line["unit_price"]["amount"]


@pytest.mark.parametrize("arrival", ORDERS_OF_ARRIVAL)
async def test_the_highest_sequence_wins_in_single_deliveries(harness: Harness, arrival: tuple[int, ...]) -> None:
    product_id = new_id()
    for position in arrival:
        await deliver(harness.service, history(product_id)[position])
    assert await order_at(harness, product_id) == ("C", 3)


@pytest.mark.parametrize("arrival", ORDERS_OF_ARRIVAL)
async def test_the_highest_sequence_wins_in_a_batch(harness: Harness, arrival: tuple[int, ...]) -> None:
    product_id = new_id()
    await deliver(harness.service, *(history(product_id)[position] for position in arrival))
    assert await order_at(harness, product_id) == ("C", 3)


async def test_a_late_event_does_not_restore_a_deleted_product(harness: Harness) -> None:
    product_id = new_id()
    created, changed, _ = history(product_id)
    deletion = CloudEvent.of(ProductDeleted(product_id=product_id)).numbered(3)
    await deliver(harness.service, created)
    await deliver(harness.service, deletion)
    await deliver(harness.service, changed)
    assert await order_at(harness, product_id) == "orders.not_for_sale"


async def test_a_deletion_that_arrives_first_is_kept(harness: Harness) -> None:
    product_id = new_id()
    await deliver(harness.service, CloudEvent.of(ProductDeleted(product_id=product_id)).numbered(3))
    await deliver(harness.service, history(product_id)[0])
    assert await order_at(harness, product_id) == "orders.not_for_sale"


async def test_a_missing_price_is_fetched_once(new_harness: NewHarness, catalog: CatalogServer) -> None:
    harness, product_id = await new_harness(catalog_url=catalog.url), new_id()
    catalog.prices[product_id] = priced(700)
    assert [await order_at(harness, product_id) for _ in range(3)] == [("Kikoi", 700)] * 3
    assert catalog.requested == [product_id]


async def test_an_event_replaces_a_fetched_price(new_harness: NewHarness, catalog: CatalogServer) -> None:
    harness, product_id = await new_harness(catalog_url=catalog.url), new_id()
    catalog.prices[product_id] = priced(700)
    await order_at(harness, product_id)
    await deliver(harness.service, history(product_id)[0])
    assert await order_at(harness, product_id) == ("A", 1)


async def test_an_error_names_a_product_that_catalog_does_not_have(
    new_harness: NewHarness, catalog: CatalogServer
) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    items = [{"product_id": str(product), "quantity": 1} for product in (await harness.product(), new_id())]
    response = await harness.customer().call("POST", "/orders", {"items": items})
    assert problem(response) == (422, "orders.unknown_product", "items.1.product_id")


async def test_an_unavailable_catalog_causes_a_503_and_blocks_no_connection(
    new_harness: NewHarness, catalog: CatalogServer
) -> None:
    unavailable = await new_harness()
    assert await order_at(unavailable, new_id()) == "orders.price_unavailable"
    catalog.hangs = True
    slow = await new_harness(catalog_url=catalog.url, catalog_timeout=0.3, database_pool_size=1)
    known = await slow.product()
    pending = asyncio.create_task(order_at(slow, new_id()))
    # The only connection is free while catalog is being asked.
    assert await order_at(slow, known) == ("Kanga", 250_000)
    assert await pending == "orders.price_unavailable"
