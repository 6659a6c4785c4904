"""The price replica: fed by events in any order, and by asking catalog once."""

import asyncio
from itertools import permutations
from uuid import UUID

import pytest
from services.orders.tests.catalog import CatalogServer
from services.orders.tests.conftest import OpenShop
from services.orders.tests.shop import Shop, data, problem

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
    """A product is created, gets dearer, and dearer again."""
    created = ProductCreated(product_id=product_id, title="A", price=priced(1), final_price=priced(1))
    changes = [
        ProductChanged(product_id=product_id, title=title, price=priced(amount), final_price=priced(amount))
        for title, amount in (("B", 2), ("C", 3))
    ]
    events: list[Event] = [created, *changes]
    return [CloudEvent.of(event).numbered(n) for n, event in enumerate(events, start=1)]


async def offer(shop: Shop, product_id: UUID) -> tuple[str, int] | str:
    """Title and price at which the product can be ordered, or the code of the refusal."""
    body = {"items": [{"product_id": str(product_id), "quantity": 1}]}
    answer = await shop.customer().call("POST", "/orders", body)
    if answer.status_code != 202:
        return str(answer.json()["code"])
    [line] = data(answer, 202)["items"]
    return line["title"], line["unit_price"]["amount"]


@pytest.mark.parametrize("arrival", ORDERS_OF_ARRIVAL)
async def test_the_last_writer_by_sequence_wins_one_by_one(shop: Shop, arrival: tuple[int, ...]) -> None:
    product_id = new_id()
    for position in arrival:
        await deliver(shop.service, history(product_id)[position])
    assert await offer(shop, product_id) == ("C", 3)


@pytest.mark.parametrize("arrival", ORDERS_OF_ARRIVAL)
async def test_the_last_writer_by_sequence_wins_in_a_batch(shop: Shop, arrival: tuple[int, ...]) -> None:
    product_id = new_id()
    await deliver(shop.service, *(history(product_id)[position] for position in arrival))
    assert await offer(shop, product_id) == ("C", 3)


async def test_a_deleted_product_stays_deleted_whatever_comes_late(shop: Shop) -> None:
    product_id = new_id()
    created, changed, _ = history(product_id)
    deletion = CloudEvent.of(ProductDeleted(product_id=product_id)).numbered(3)
    await deliver(shop.service, created)
    await deliver(shop.service, deletion)
    await deliver(shop.service, changed)
    assert await offer(shop, product_id) == "orders.not_for_sale"


async def test_a_deletion_that_comes_first_is_remembered(shop: Shop) -> None:
    product_id = new_id()
    await deliver(shop.service, CloudEvent.of(ProductDeleted(product_id=product_id)).numbered(3))
    await deliver(shop.service, history(product_id)[0])
    assert await offer(shop, product_id) == "orders.not_for_sale"


async def test_an_unknown_product_is_asked_for_once(open_shop: OpenShop, catalog: CatalogServer) -> None:
    shop, product_id = await open_shop(catalog_url=catalog.url), new_id()
    catalog.prices[product_id] = priced(700)
    assert [await offer(shop, product_id) for _ in range(3)] == [("Kikoi", 700)] * 3
    assert catalog.asked == [product_id]


async def test_every_event_is_newer_than_what_was_asked_for(open_shop: OpenShop, catalog: CatalogServer) -> None:
    shop, product_id = await open_shop(catalog_url=catalog.url), new_id()
    catalog.prices[product_id] = priced(700)
    await offer(shop, product_id)
    await deliver(shop.service, history(product_id)[0])
    assert await offer(shop, product_id) == ("A", 1)


async def test_a_product_that_catalog_does_not_know_either_is_named(
    open_shop: OpenShop, catalog: CatalogServer
) -> None:
    shop = await open_shop(catalog_url=catalog.url)
    items = [{"product_id": str(product), "quantity": 1} for product in (await shop.product(), new_id())]
    answer = await shop.customer().call("POST", "/orders", {"items": items})
    assert problem(answer) == (422, "orders.unknown_product", "items.1.product_id")


async def test_a_catalog_that_is_away_or_stuck_costs_a_503_and_no_transaction(
    open_shop: OpenShop, catalog: CatalogServer
) -> None:
    away = await open_shop()
    assert await offer(away, new_id()) == "orders.price_unavailable"
    catalog.stuck = True
    stuck = await open_shop(catalog_url=catalog.url, catalog_timeout=0.3, database_pool_size=1)
    known = await stuck.product()
    asking = asyncio.create_task(offer(stuck, new_id()))
    # The only connection is free while catalog is being asked.
    assert await offer(stuck, known) == ("Kanga", 250_000)
    assert await asking == "orders.price_unavailable"
