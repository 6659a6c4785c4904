"""A cart holds what can be bought, and says what it could not have."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from services.orders.tests.carts.test_carts import add
from services.orders.tests.catalog_server import CatalogServer
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, Json, User, data, problem, reserved

from common.contracts.catalog import (
    CategoryChanged,
    ProductChanged,
    ProductDeleted,
    StockLine,
    StockReleased,
    StockReserved,
)
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.money import Money
from common.testing import deliver

PRICE = Money(amount=1000, currency="TZS")


def item(product_id: UUID, quantity: object) -> Json:
    return {"product_id": str(product_id), "quantity": quantity}


def quantities(body: Json) -> list[tuple[int, bool, int | None]]:
    """Quantity, available and available quantity of each item."""
    return [(i["quantity"], i["available"], i["available_quantity"]) for i in body["data"]["items"]]


def warned(body: Json) -> list[tuple[str, int, int]]:
    """Code, requested and quantity of each warning."""
    return [(w["code"], w["requested"], w["quantity"]) for w in body["meta"]["warnings"]]


async def merge(customer: User, items: Sequence[Json]) -> Json:
    response = await customer.call("POST", "/cart/merge", {"items": items})
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body


async def cart_of(customer: User) -> Json:
    body: Json = (await customer.call("GET", "/cart")).json()
    return body


@pytest.mark.parametrize("wished", [4, 500, 1001, 9999, 10**30])
async def test_adding_more_than_there_is_adds_what_there_is(harness: Harness, wished: int) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=3)
    response = await customer.call("POST", "/cart/items", item(kanga, wished))
    assert response.status_code == 201
    assert quantities(response.json()) == [(3, True, 3)]
    [warning] = response.json()["meta"]["warnings"]
    assert warning == {
        "product_id": str(kanga),
        "code": "insufficient_stock",
        "message": "Only 3 of Kanga are left",
        "requested": wished,
        "quantity": 3,
        "available_quantity": 3,
    }
    again = await customer.call("POST", "/cart/items", item(kanga, 1))
    assert (quantities(again.json()), warned(again.json())) == ([(3, True, 3)], [("insufficient_stock", 4, 3)])


@pytest.mark.parametrize("wished", [4, 500, 1001, 10**30])
async def test_a_quantity_is_changed_to_what_there_is(harness: Harness, wished: int) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=3)
    path = f"/cart/items/{(await add(customer, kanga))['items'][0]['id']}"
    body = (await customer.call("PATCH", path, {"quantity": wished})).json()
    assert (quantities(body), warned(body)) == ([(3, True, 3)], [("insufficient_stock", wished, 3)])
    body = (await customer.call("PATCH", path, {"quantity": 2})).json()
    assert (quantities(body), warned(body)) == ([(2, True, 3)], [])


@pytest.mark.parametrize("wished", [900, 9999, 2**31, 2**63, 10**30])
async def test_a_merge_does_not_fail_because_of_a_quantity(harness: Harness, wished: int) -> None:
    customer, kanga, plenty = harness.customer(), await harness.product(stock=3), await harness.product(stock=5000)
    body = await merge(customer, [item(kanga, wished), item(plenty, 9999)])
    assert quantities(body) == [(3, True, 3), (1000, True, 5000)]
    assert warned(body) == [("insufficient_stock", wished, 3), ("too_many", 9999, 1000)]


@pytest.mark.parametrize("wished", [0, -1, -(2**63)])
async def test_a_merge_leaves_out_quantities_below_one(harness: Harness, wished: int) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(stock=3), await harness.product(stock=3)
    body = await merge(customer, [item(kanga, wished), item(kikoi, 1)])
    assert (quantities(body), warned(body)) == ([(1, True, 3)], [("invalid_quantity", wished, 0)])


async def test_a_merge_says_which_products_it_left_out_and_why(new_harness: NewHarness, catalog: CatalogServer) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    customer, kanga = harness.customer(), await harness.product(stock=3)
    hidden, deleted = await harness.product(is_active=False, stock=3), await harness.product(stock=3)
    sold_out, unknown = await harness.product(stock=0), new_id()
    await deliver(harness.service, ProductDeleted(product_id=deleted))
    body = await merge(customer, [item(p, 2) for p in (hidden, deleted, sold_out, unknown, kanga)])
    assert quantities(body) == [(2, True, 3)]
    # The stock of a product that is not on sale is not told.
    assert [w["available_quantity"] for w in body["meta"]["warnings"]] == [0, 0, 0, None]
    assert {UUID(w["product_id"]): (w["code"], w["requested"], w["quantity"]) for w in body["meta"]["warnings"]} == {
        hidden: ("not_for_sale", 2, 0),
        deleted: ("not_for_sale", 2, 0),
        sold_out: ("out_of_stock", 2, 0),
        unknown: ("unknown_product", 2, 0),
    }


async def test_a_merge_takes_what_it_knows_while_catalog_does_not_answer(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=3)
    body = await merge(customer, [item(kanga, 2), item(new_id(), 2)])
    assert (quantities(body), warned(body)) == ([(2, True, 3)], [("price_unavailable", 2, 0)])


async def test_a_merge_leaves_out_what_does_not_fit(harness: Harness) -> None:
    customer = harness.customer()
    products = [await harness.product(stock=1) for _ in range(103)]
    body = await merge(customer, [item(product, 1) for product in products])
    assert len(body["data"]["items"]) == 100
    assert warned(body) == [("cart_full", 1, 0)] * 3


async def test_nothing_of_a_sold_out_product_can_be_added(harness: Harness) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(stock=0), await harness.product(stock=2)
    rejection = await customer.call("POST", "/cart/items", item(kanga, 1))
    assert problem(rejection) == (422, "orders.out_of_stock", "product_id")
    path = f"/cart/items/{(await add(customer, kikoi))['items'][0]['id']}"
    await harness.set_stock(kikoi, 0)
    rejection = await customer.call("PATCH", path, {"quantity": 2})
    assert problem(rejection) == (422, "orders.out_of_stock", "quantity")
    assert quantities(await cart_of(customer)) == [(1, False, 0)]


async def test_a_cart_tells_when_stock_falls_and_rises(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(1000, stock=5)
    await add(customer, kanga, 4)
    for stock, available, codes in ((3, False, ["insufficient_stock"]), (0, False, ["out_of_stock"]), (4, True, [])):
        await harness.set_stock(kanga, stock)
        body = await cart_of(customer)
        assert quantities(body) == [(4, available, stock)]
        assert [code for code, _, _ in warned(body)] == codes
        assert body["data"]["subtotal"]["amount"] == (4000 if available else 0)


async def test_a_cart_tells_what_orders_of_others_leave(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=5)
    await add(customer, kanga, 4)
    order_id, line = new_id(), StockLine(product_id=kanga, quantity=3, available=2)
    await deliver(harness.service, StockReserved(order_id=order_id, lines=(line,)))
    assert quantities(await cart_of(customer)) == [(4, False, 2)]
    back = line.model_copy(update={"available": 5})
    await deliver(harness.service, StockReleased(order_id=order_id, lines=(back,)))
    assert quantities(await cart_of(customer)) == [(4, True, 5)]


async def test_of_two_levels_the_newer_counts_in_any_order(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=9)
    await add(customer, kanga, 4)
    newer, older = (
        CloudEvent.of(StockReserved(order_id=new_id(), lines=(StockLine(product_id=kanga, quantity=1, available=n),)))
        for n in (2, 7)
    )
    await deliver(harness.service, newer.numbered(2_000_000))
    await deliver(harness.service, older.numbered(1_000_000))
    assert quantities(await cart_of(customer)) == [(4, False, 2)]


async def test_an_event_of_an_older_catalog_changes_no_level(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(stock=5)
    await deliver(harness.service, reserved(await customer.order(kanga)))
    await add(customer, kanga, 4)
    assert quantities(await cart_of(customer)) == [(4, True, 5)]


@pytest.mark.parametrize("reason", ["deleted", "deactivated", "category"])
async def test_a_product_that_goes_off_sale_is_not_available(harness: Harness, reason: str) -> None:
    customer, category_id = harness.customer(), new_id()
    kanga = await harness.product(1000, stock=5, category_id=category_id)
    line = (await add(customer, kanga, 2))["items"][0]
    changed = ProductChanged(product_id=kanga, title="Kanga", price=PRICE, final_price=PRICE, is_active=False)
    category = CategoryChanged(category_id=category_id, name="Cloth", slug="cloth", on_sale=False)
    events = {"deleted": ProductDeleted(product_id=kanga), "deactivated": changed, "category": category}
    await deliver(harness.service, events[reason])
    body = await cart_of(customer)
    assert (quantities(body), warned(body)) == ([(2, False, 0)], [("not_for_sale", 2, 2)])
    assert body["data"]["subtotal"]["amount"] == 0
    for method, path, change, field in (
        ("POST", "/cart/items", item(kanga, 1), "product_id"),
        ("PATCH", f"/cart/items/{line['id']}", {"quantity": 1}, "quantity"),
        ("POST", "/orders", {}, "items.0.product_id"),
    ):
        assert problem(await customer.call(method, path, change)) == (422, "orders.not_for_sale", field)


async def test_a_product_of_a_category_that_is_on_sale_again_can_be_bought(harness: Harness) -> None:
    customer, category_id = harness.customer(), new_id()
    kanga = await harness.product(stock=5, category_id=category_id)
    for on_sale in (False, True):
        category = CategoryChanged(category_id=category_id, name="Cloth", slug="cloth", on_sale=on_sale)
        await deliver(harness.service, category)
    assert quantities({"data": await add(customer, kanga, 2)}) == [(2, True, 5)]
    assert (await customer.order(kanga))["status"] == "pending"


async def test_items_of_another_currency_are_named(harness: Harness) -> None:
    customer = harness.customer()
    await add(customer, await harness.product(stock=5))
    dollars = await harness.product(currency="USD", stock=5)
    body = (await customer.call("POST", "/cart/items", item(dollars, 1))).json()
    assert (quantities(body), warned(body)) == ([(1, True, 5), (1, False, 5)], [("mixed_currencies", 1, 1)])


async def test_catalog_is_asked_before_a_customer_gets_less(new_harness: NewHarness, catalog: CatalogServer) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    customer, kanga, kikoi = harness.customer(), await harness.product(stock=3), await harness.product()
    catalog.stock = {kanga: 20, kikoi: 2}
    # The event about the delivery of 17 is on its way.
    assert quantities({"data": await add(customer, kanga, 10)}) == [(10, True, 20)]
    assert quantities({"data": await add(customer, kikoi, 5)})[1] == (2, True, 2)
    asked = list(catalog.stock_requested)
    assert asked == [kanga, kikoi]
    # What the replica lacked it has now; what it has enough of is not asked for.
    await add(customer, kikoi, 0 + 1)
    await harness.set_stock(kanga, 20)
    assert quantities(await cart_of(customer)) == [(10, True, 20), (2, True, 2)]
    assert catalog.stock_requested == [kanga, kikoi, kikoi]


async def test_a_cart_asks_for_levels_that_are_not_known(new_harness: NewHarness, catalog: CatalogServer) -> None:
    blind = await new_harness()
    customer, kanga = blind.customer(), await blind.product()
    assert quantities({"data": await add(customer, kanga, 5)}) == [(5, True, None)]
    harness = await new_harness(catalog_url=catalog.url)
    customer, kanga = harness.customer(), await harness.product(stock=0)
    async with harness.database.begin() as tx:
        await tx.sql.execute("DELETE FROM product_stock")
    catalog.stock[kanga] = 7
    await add(customer, kanga, 5)
    async with harness.database.begin() as tx:
        await tx.sql.execute("DELETE FROM product_stock")
    catalog.stock[kanga] = 4
    for _ in range(2):
        assert quantities(await cart_of(customer)) == [(5, False, 4)]
    assert catalog.stock_requested == [kanga, kanga]


async def test_a_catalog_that_hangs_delays_a_cart_only_until_the_timeout(
    new_harness: NewHarness, catalog: CatalogServer
) -> None:
    catalog.hangs = True
    harness = await new_harness(catalog_url=catalog.url, catalog_timeout=0.3, database_pool_size=1)
    customer, kanga = harness.customer(), await harness.product(stock=3)
    assert quantities({"data": await add(customer, kanga, 5)}) == [(3, True, 3)]
    assert data(await customer.call("DELETE", "/cart"))["items"] == []
