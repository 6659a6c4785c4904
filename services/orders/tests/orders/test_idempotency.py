"""Idempotency-Key on the checkout."""

import asyncio

import httpx
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import Harness, problem, reserved

from common.contracts.orders import OrderPlaced
from common.testing import deliver, eventually, facts


async def test_twenty_concurrent_requests_with_one_key_make_one_order(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product()
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    key = {"Idempotency-Key": "checkout-1"}
    responses = await asyncio.gather(*(customer.call("POST", "/orders", body, key) for _ in range(20)))
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["data"]["id"] for response in responses}) == 1
    assert len(await facts(harness.database, OrderPlaced)) == 1
    assert await harness.count("orders") == 1
    assert sum("idempotency-replayed" in response.headers for response in responses) == 19


async def test_a_key_belongs_to_one_body_and_one_customer(harness: Harness) -> None:
    customer, other_customer, kanga = harness.customer(), harness.customer(), await harness.product()
    key = {"Idempotency-Key": "checkout-1"}
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    first = await customer.call("POST", "/orders", body, key)
    assert problem(await customer.call("POST", "/orders", body | {"note": "other"}, key))[:2] == (
        422,
        "idempotency_key_reused",
    )
    other = await other_customer.call("POST", "/orders", body, key)
    assert other.json()["data"]["id"] != first.json()["data"]["id"]


async def test_a_rejected_checkout_leaves_its_key_unused(harness: Harness) -> None:
    customer, key = harness.customer(), {"Idempotency-Key": "checkout-1"}
    assert (await customer.call("POST", "/orders", {}, key)).status_code == 422
    item = {"product_id": str(await harness.product()), "quantity": 1}
    await customer.call("POST", "/cart/items", item)
    assert (await customer.call("POST", "/orders", {}, key)).status_code == 202


async def test_an_overloaded_service_rejects_new_checkouts_and_answers_retries(
    new_harness: NewHarness,
) -> None:
    harness = await new_harness(max_pending_checkouts=2)
    customer, kanga = harness.customer(), await harness.product()
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    key = {"Idempotency-Key": "checkout-1"}
    first = await customer.call("POST", "/orders", body, key)

    async def rejected_response() -> httpx.Response | None:
        response = await customer.call("POST", "/orders", body)
        return response if response.status_code == 503 else None

    overloaded = await eventually(rejected_response)
    assert overloaded is not None
    assert problem(overloaded)[:2] == (503, "overloaded")
    assert int(overloaded.headers["retry-after"]) > 0
    assert (await customer.call("POST", "/orders", body, key)).json()["data"]["id"] == first.json()["data"]["id"]

    for order in await customer.get("/orders"):
        await deliver(harness.service, reserved(order))

    async def is_accepted() -> bool:
        return (await customer.call("POST", "/orders", body)).status_code == 202

    assert await eventually(is_accepted)
