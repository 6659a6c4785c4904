"""The cart, from the first item to the order."""

from uuid import UUID

from services.orders.tests.catalog_server import CatalogServer
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, Json, User, data, problem

from common.contracts.catalog import ProductChanged, ProductDeleted
from common.ids import new_id
from common.money import Money
from common.testing import deliver


async def add(customer: User, product_id: UUID, quantity: int = 1) -> Json:
    item = {"product_id": str(product_id), "quantity": quantity}
    cart: Json = data(await customer.call("POST", "/cart/items", item), 201)
    return cart


async def test_a_cart_is_summed_at_current_prices(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(1000)
    assert await customer.get("/cart") == {
        "id": str(customer.id),
        "items": [],
        "subtotal": {"amount": 0, "currency": "TZS"},
        "item_count": 0,
    }
    await add(customer, kanga, 2)
    cart = await add(customer, kanga, 3)
    [item] = cart["items"]
    assert (item["quantity"], item["available"], item["line_total"]["amount"]) == (5, True, 5000)
    assert (cart["subtotal"]["amount"], cart["item_count"]) == (5000, 5)
    price = Money(amount=10, currency="TZS")
    await deliver(harness.service, ProductChanged(product_id=kanga, title="New", price=price, final_price=price))
    assert (await customer.get("/cart"))["subtotal"]["amount"] == 50


async def test_only_the_owner_changes_and_removes_items(harness: Harness) -> None:
    customer, other_customer = harness.customer(), harness.customer()
    await add(customer, await harness.product())
    cart = await add(customer, await harness.product())
    first, second = (f"/cart/items/{item['id']}" for item in cart["items"])
    for method, body in (("PATCH", {"quantity": 2}), ("DELETE", None)):
        rejection = await other_customer.call(method, first, body)
        assert problem(rejection)[:2] == (404, "orders.unknown_item")
    assert data(await customer.call("PATCH", first, {"quantity": 7}))["item_count"] == 8
    assert problem(await customer.call("PATCH", first, {"quantity": 0}))[::2] == (422, "quantity")
    assert data(await customer.call("DELETE", second))["item_count"] == 7
    assert data(await customer.call("DELETE", "/cart"))["items"] == []


async def test_a_deleted_product_stays_in_the_cart_and_is_not_in_the_subtotal(harness: Harness) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(1000), await harness.product(1)
    await add(customer, kanga)
    await add(customer, kikoi)
    await deliver(harness.service, ProductDeleted(product_id=kanga))
    cart = await customer.get("/cart")
    assert [(item["title"], item["available"], item["unit_price"]) for item in cart["items"]] == [
        ("Kanga", False, None),
        ("Kanga", True, {"amount": 1, "currency": "TZS"}),
    ]
    assert cart["subtotal"]["amount"] == 1
    rejection = await customer.call("POST", "/orders", {})
    assert problem(rejection) == (422, "orders.not_for_sale", "items.0.product_id")
    assert (await customer.get("/cart"))["item_count"] == 2


async def test_a_cart_rejects_items_that_cannot_be_sold(harness: Harness) -> None:
    customer, kanga, hidden = harness.customer(), await harness.product(), await harness.product(is_active=False)

    async def rejection(product_id: UUID, quantity: int) -> tuple[int, str, str | None]:
        item = {"product_id": str(product_id), "quantity": quantity}
        return problem(await customer.call("POST", "/cart/items", item))

    assert await rejection(hidden, 1) == (422, "orders.not_for_sale", "product_id")
    await add(customer, kanga, 1000)
    too_many = (await customer.call("POST", "/cart/items", {"product_id": str(kanga), "quantity": 1})).json()
    assert [line["quantity"] for line in too_many["data"]["items"]] == [1000]
    [warning] = too_many["meta"]["warnings"]
    assert (warning["code"], warning["requested"]) == ("too_many", 1001)


async def test_a_cart_holds_at_most_a_hundred_products(harness: Harness) -> None:
    customer = harness.customer()
    for _ in range(100):
        await add(customer, await harness.product())
    item = {"product_id": str(await harness.product()), "quantity": 1}
    assert problem(await customer.call("POST", "/cart/items", item)) == (422, "orders.cart_full", "product_id")


async def test_a_checkout_without_items_orders_and_empties_the_cart(harness: Harness) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(1000), await harness.product(10)
    await add(customer, kanga, 2)
    await add(customer, kikoi, 1)
    order = data(await customer.call("POST", "/orders", {"payment": {"provider": "sandbox"}}), 202)
    assert [(line["product_id"], line["quantity"]) for line in order["items"]] == [(str(kanga), 2), (str(kikoi), 1)]
    assert order["total"]["amount"] == 2010
    assert (await customer.get("/cart"))["items"] == []


async def test_a_checkout_with_items_leaves_the_cart_unchanged(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product()
    await add(customer, kanga)
    await customer.order(kanga)
    assert (await customer.get("/cart"))["item_count"] == 1


async def test_a_guests_cart_is_merged_within_the_limits(new_harness: NewHarness, catalog: CatalogServer) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    customer, kanga, hidden = harness.customer(), await harness.product(), await harness.product(is_active=False)
    asked = new_id()
    catalog.prices[asked] = Money(amount=5, currency="TZS")
    catalog.stock = {kanga: 2000, asked: 2000}
    await add(customer, kanga, 900)
    guest = [{"product_id": str(product), "quantity": 200} for product in (kanga, hidden, asked, new_id())]
    cart = data(await customer.call("POST", "/cart/merge", {"items": guest}))
    assert [(item["product_id"], item["quantity"]) for item in cart["items"]] == [(str(kanga), 1000), (str(asked), 200)]


async def test_a_price_is_fetched_once_for_a_product_that_a_guest_repeats(
    new_harness: NewHarness, catalog: CatalogServer
) -> None:
    harness = await new_harness(catalog_url=catalog.url)
    unknown = new_id()
    guest = [{"product_id": str(unknown), "quantity": 1}] * 100
    data(await harness.customer().call("POST", "/cart/merge", {"items": guest}))
    assert catalog.requested == [unknown]
