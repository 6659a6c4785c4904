"""POST /orders: accepted and rejected checkouts, and what an order keeps."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, User, data, problem

from common.contracts.catalog import ProductChanged
from common.contracts.orders import OrderPlaced
from common.ids import new_id
from common.money import Money
from common.testing import deliver, facts


async def place(customer: User, items: Any, **body: object) -> tuple[int, str, str | None]:
    return problem(await customer.call("POST", "/orders", {"items": items} | body))


async def test_an_order_has_lines_and_totals(harness: Harness) -> None:
    customer, kanga, kikoi = harness.customer(), await harness.product(250_000), await harness.product(100)
    items = [{"product_id": str(kanga), "quantity": 2}, {"product_id": str(kikoi), "quantity": 3}]
    response = await customer.call("POST", "/orders", {"items": items, "payment": {"token": "tok_ok"}, "note": "Ring"})
    order = data(response, 202)
    assert response.headers["location"] == f"/api/v1/orders/{order['id']}"
    assert re.fullmatch(r"DK-\d{4}-\d{6}", order["number"])
    assert (order["status"], order["status_reason"], order["note"]) == ("pending", None, "Ring")
    assert order["payment"] == {"id": None, "provider": "sandbox", "status": "pending", "action": None}
    assert order["items"][0] == {
        "product_id": str(kanga),
        "title": "Kanga",
        "quantity": 2,
        "list_price": {"amount": 250_000, "currency": "TZS"},
        "unit_price": {"amount": 250_000, "currency": "TZS"},
        "discount": {"amount": 0, "currency": "TZS"},
        "line_total": {"amount": 500_000, "currency": "TZS"},
    }
    sums = [order[name]["amount"] for name in ("subtotal", "discount", "total")]
    assert sums == [500_300, 0, 500_300]
    assert await customer.get(f"/orders/{order['id']}") == order


@pytest.mark.parametrize(
    ("price", "percent", "quantity", "off"), [(1000, 25, 3, 750), (999, 10, 7, 700), (1, 50, 2, 0), (500, 100, 2, 1000)]
)
async def test_an_order_shows_what_is_off(harness: Harness, price: int, percent: int, quantity: int, off: int) -> None:
    customer, full = harness.customer(), await harness.product(40)
    list_price = Money(amount=price, currency="TZS")
    reduced = await harness.product(price, discount_percent=percent, final_price=list_price.discounted(percent))
    items = [{"product_id": str(product), "quantity": quantity} for product in (reduced, full)]
    order = data(await customer.call("POST", "/orders", {"items": items}), 202)
    subtotal, discount, total = (order[name]["amount"] for name in ("subtotal", "discount", "total"))
    assert (subtotal, discount, total) == ((price + 40) * quantity, off, (price + 40) * quantity - off)
    assert [line["discount"]["amount"] for line in order["items"]] == [off, 0]
    assert sum(line["line_total"]["amount"] for line in order["items"]) == total
    assert sum(line["list_price"]["amount"] * line["quantity"] for line in order["items"]) == subtotal
    for line in order["items"]:
        assert line["unit_price"]["amount"] * quantity == line["line_total"]["amount"]
    assert await customer.get(f"/orders/{order['id']}") == order
    [placed] = await facts(harness.database, OrderPlaced)
    assert placed.total.amount == total


async def test_placing_an_order_publishes_its_lines(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    [placed] = await facts(harness.database, OrderPlaced)
    assert (str(placed.order_id), placed.number) == (order["id"], order["number"])
    assert placed.total == Money(amount=250_000, currency="TZS")
    assert [(line.title, line.quantity) for line in placed.lines] == [("Kanga", 1)]


async def test_a_product_that_appears_twice_becomes_one_line(harness: Harness) -> None:
    kanga, kikoi = await harness.product(), await harness.product()
    order = await harness.customer().order(kanga, kikoi, kanga)
    assert [(line["product_id"], line["quantity"]) for line in order["items"]] == [(str(kanga), 2), (str(kikoi), 1)]


async def test_an_order_keeps_its_prices_when_the_product_changes(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product(250_000)
    order = await customer.order(kanga)
    price = Money(amount=1, currency="TZS")
    await deliver(harness.service, ProductChanged(product_id=kanga, title="New", price=price, final_price=price))
    assert await customer.get(f"/orders/{order['id']}") == order
    assert (await customer.order(kanga))["total"]["amount"] == 1


async def test_an_error_names_the_item_that_cannot_be_ordered(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product()
    hidden, dollars = await harness.product(is_active=False), await harness.product(currency="USD")

    def item(product: UUID, quantity: object = 1) -> dict[str, object]:
        return {"product_id": str(product), "quantity": quantity}

    assert await place(customer, []) == (422, "orders.empty_order", "items")
    assert await place(customer, None) == (422, "orders.empty_order", "items")
    assert await place(customer, [item(kanga), item(hidden)]) == (422, "orders.not_for_sale", "items.1.product_id")
    assert await place(customer, [item(kanga), item(dollars)]) == (
        422,
        "orders.mixed_currencies",
        "items.1.product_id",
    )
    assert await place(customer, [item(kanga, 600), item(kanga, 401)]) == (422, "orders.too_many", "items.0.quantity")
    for quantity in (0, -1, 1001, 1.5, "2", True):
        status, _, field = await place(customer, [item(kanga, quantity)])
        assert (status, field) == (422, "items.0.quantity")
    assert (await place(customer, [item(kanga)] * 101))[::2] == (422, "items")
    assert await harness.count("orders") == 0


async def test_only_configured_payment_providers_are_accepted(new_harness: NewHarness) -> None:
    harness = await new_harness(payment_providers="stripe, sandbox")
    customer, kanga = harness.customer(), await harness.product()
    assert (await customer.order(kanga))["payment"]["provider"] == "stripe"
    assert (await customer.order(kanga, payment={"provider": "sandbox"}))["payment"]["provider"] == "sandbox"
    items = [{"product_id": str(kanga), "quantity": 1}]
    rejection = await place(customer, items, payment={"provider": "barter"})
    assert rejection == (422, "orders.unknown_provider", "payment.provider")


async def test_the_address_is_copied_and_must_belong_to_the_customer(harness: Harness) -> None:
    customer, other_customer, kanga = harness.customer(), harness.customer(), await harness.product()
    home = {"name": "Asha", "line1": "Uhuru 1", "city": "Dodoma", "country": "TZ"}
    address = data(await customer.call("POST", "/addresses", home), 201)
    order = await customer.order(kanga)
    await customer.call("PATCH", f"/addresses/{address['id']}", {"city": "Arusha"})
    assert (await customer.get(f"/orders/{order['id']}"))["address"]["city"] == "Dodoma"
    assert (await customer.order(kanga, address_id=address["id"]))["address"]["city"] == "Arusha"
    items = [{"product_id": str(kanga), "quantity": 1}]
    rejection = (422, "orders.unknown_address", "address_id")
    assert await place(other_customer, items, address_id=address["id"]) == rejection
    assert await place(customer, items, address_id=str(new_id())) == rejection


async def test_order_numbers_are_unique_under_concurrency(harness: Harness) -> None:
    kanga = await harness.product()
    orders = await asyncio.gather(*(harness.customer().order(kanga) for _ in range(20)))
    assert len({order["number"] for order in orders}) == 20


@pytest.mark.parametrize("body", [{"items": [{"quantity": 1}]}, {"payment": {"provider": 7}}, {"note": "x" * 1001}])
async def test_a_malformed_body_is_rejected(harness: Harness, body: dict[str, object]) -> None:
    assert (await harness.customer().call("POST", "/orders", body)).status_code == 422


async def test_a_checkout_requires_authentication(harness: Harness) -> None:
    assert (await harness.client.post("/api/v1/orders", json={})).status_code == 401
