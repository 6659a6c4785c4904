"""The purchase from end to end, in both modes of running the platform."""

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any
from uuid import uuid4

from common.testing import eventually

from .platform import Customer, Platform

FINAL = {"confirmed", "cancelled"}

# The payment provider's books, not billing's.
MONEY = """
SELECT count(*) AS charges, sum(s.captured) AS captured, sum(s.refunded) AS refunded
FROM sandbox_charge s JOIN payment p ON p.id = s.idempotency_key WHERE p.customer_id = $1
"""


async def final_order(customer: Customer, order_id: str) -> Any:
    order = await customer.data(f"/orders/{order_id}")
    return order if order["status"] in FINAL else None


async def finished(customer: Customer, order_id: str, within: float = 30) -> Any:
    return await eventually(lambda: final_order(customer, order_id), within=within)


async def test_the_purchase_scenario_completes(platform: Platform) -> None:
    await platform.product(stock=1000)
    command = [sys.executable, "-m", "dukan", "demo", "--data", str(platform.data), "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_two_hundred_concurrent_customers_buy_exactly_the_stock(platform: Platform) -> None:
    product = await platform.product(stock=50, price=1000)
    customer = await platform.customer()
    placed = await asyncio.gather(*(customer.order(product) for _ in range(200)))
    orders = [await finished(customer, order["id"], within=60) for order in placed]

    assert Counter((o["status"], o["status_reason"]) for o in orders) == {
        ("confirmed", None): 50,
        ("cancelled", "out_of_stock"): 150,
    }
    admin = await platform.admin()

    async def stock_is_settled() -> Any:
        stock = await admin.data(f"/products/{product}/stock")
        return stock if stock["reserved"] == 0 else None

    assert (await eventually(stock_is_settled))["available"] == 0
    [books] = await platform.sql("billing", MONEY, customer.id)
    assert dict(books) == {"charges": 50, "captured": 50 * 1000, "refunded": 0}


async def test_twenty_concurrent_requests_with_one_key_place_one_order(platform: Platform) -> None:
    product = await platform.product(stock=100)
    customer = await platform.customer()
    key = str(uuid4())
    placed = await asyncio.gather(*(customer.order(product, key=key) for _ in range(20)))
    assert len({order["id"] for order in placed}) == 1
    await finished(customer, placed[0]["id"])
    assert len(await customer.data("/orders")) == 1


async def test_a_declined_payment_cancels_the_order_releases_stock_and_notifies(platform: Platform) -> None:
    product = await platform.product(stock=5)
    customer = await platform.customer()
    order = await customer.order(product, 2, token="tok_decline", wait=10)
    assert (order["status"], order["status_reason"]) == ("cancelled", "payment_declined")
    admin = await platform.admin()

    async def stock_is_free() -> bool:
        return bool(
            await admin.data(f"/products/{product}/stock") == {"product_id": product, "available": 5, "reserved": 0}
        )

    async def notified() -> bool:
        return any(order["number"] in str(n) for n in await customer.data("/notifications"))

    await eventually(stock_is_free)
    await eventually(notified)
    [payment] = await customer.data("/payments", order_id=order["id"])
    assert (payment["status"], payment["refunded"]["amount"]) == ("failed", 0)


async def test_a_payment_captured_after_the_cancellation_is_refunded(platform: Platform) -> None:
    product = await platform.product(stock=5)
    customer = await platform.customer()
    order = await customer.order(product, token="tok_late")

    async def charged() -> bool:
        """Until the provider has the payment: an order cancelled before was never paid."""
        payments = await customer.data("/payments", order_id=order["id"])
        return any(payment["reference"] for payment in payments)

    await eventually(charged)
    assert (await customer.post(f"/orders/{order['id']}/cancel")).status_code == 200

    async def refunded() -> bool:
        payments = await customer.data("/payments", order_id=order["id"])
        return [p["status"] for p in payments] == ["refunded"]

    await eventually(refunded, within=30)
    assert (await customer.data(f"/orders/{order['id']}"))["status"] == "cancelled"
