"""POST /orders/{id}/reorder: the cart comes back in one step."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from services.orders.tests.carts.test_carts import add
from services.orders.tests.carts.test_stock import quantities, warned
from services.orders.tests.catalog_server import CatalogServer
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, Json, User, data, failed, problem, rejected, reserved, succeeded

from common.contracts.catalog import ProductDeleted, StockLine, StockReserved
from common.ids import new_id
from common.testing import deliver, eventually

Ending = Callable[[Harness, Json], Awaitable[None]]


async def out_of_stock(harness: Harness, order: Json) -> None:
    await deliver(harness.service, rejected(order))


async def payment_declined(harness: Harness, order: Json) -> None:
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, failed(order))


async def bought(harness: Harness, order: Json) -> None:
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, succeeded(order))


async def pending(_: Harness, __: Json) -> None:
    """Nothing has happened yet."""


async def order_cart(customer: User) -> Json:
    order: Json = data(await customer.call("POST", "/orders", {}), 202)
    return order


async def reorder(customer: User, order: Json) -> Json:
    response = await customer.call("POST", f"/orders/{order['id']}/reorder")
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body


@pytest.mark.parametrize("ending", [out_of_stock, payment_declined, bought, pending])
async def test_a_cart_comes_back_whatever_became_of_its_order(harness: Harness, ending: Ending) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(stock=9), await harness.product(stock=9)
    await add(customer, kanga, 2)
    before = await add(customer, kikoi, 3)
    order = await order_cart(customer)
    await ending(harness, order)
    assert (await customer.get("/cart"))["items"] == []
    body = await reorder(customer, order)
    assert (quantities(body), warned(body)) == ([(2, True, 9), (3, True, 9)], [])
    assert body["data"]["subtotal"] == before["subtotal"]
    # A second click changes nothing.
    assert await reorder(customer, order) == body


async def test_a_reorder_says_what_it_leaves_out(harness: Harness) -> None:
    customer = harness.customer()
    scarce, gone, sold_out = [await harness.product(stock=9) for _ in range(3)]
    for product in (scarce, gone, sold_out):
        await add(customer, product, 5)
    order = await order_cart(customer)
    await deliver(harness.service, ProductDeleted(product_id=gone))
    await harness.set_stock(scarce, 2)
    await harness.set_stock(sold_out, 0)
    body = await reorder(customer, order)
    assert quantities(body) == [(2, True, 2)]
    assert warned(body) == [("insufficient_stock", 5, 2), ("not_for_sale", 5, 0), ("out_of_stock", 5, 0)]


async def test_a_reorder_waits_for_the_stock_of_the_order_that_failed_just_now(
    new_harness: NewHarness, catalog: CatalogServer
) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    customer, kanga = harness.customer(), await harness.product(stock=3)
    await add(customer, kanga, 3)
    order = await order_cart(customer)
    lines = (StockLine(product_id=kanga, quantity=3, available=0),)
    await deliver(harness.service, StockReserved(order_id=UUID(order["id"]), lines=lines))
    await deliver(harness.service, failed(order))
    catalog.stock[kanga] = 0
    body = asyncio.create_task(reorder(customer, order))

    async def was_asked() -> bool:
        return bool(catalog.stock_requested)

    await eventually(was_asked)
    catalog.stock[kanga] = 3
    assert (quantities(await body), warned(await body)) == ([(3, True, 3)], [])


async def test_a_reorder_keeps_what_the_cart_has(harness: Harness) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(stock=9), await harness.product(stock=9)
    order = await customer.order(kanga, kanga)
    await add(customer, kikoi)
    await add(customer, kanga, 5)
    assert quantities(await reorder(customer, order)) == [(1, True, 9), (5, True, 9)]


async def test_only_the_customer_of_an_order_reorders_it(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    for user, order_id in (
        (harness.customer(), order["id"]),
        (harness.staff(), order["id"]),
        (harness.staff(), new_id()),
    ):
        rejection = await user.call("POST", f"/orders/{order_id}/reorder")
        assert problem(rejection)[:2] == (404, "orders.unknown_order")
