"""Idempotency-Key on the checkout."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from services.orders.tests.conftest import NewHarness
from services.orders.tests.harness import (
    Harness,
    Json,
    action_required,
    data,
    failed,
    problem,
    reserved,
    succeeded,
)

from common.contracts.event import Event
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


async def test_a_replay_answers_no_older_state_than_was_told(harness: Harness) -> None:
    customer, key = harness.customer(), {"Idempotency-Key": "checkout-1"}
    body = {"items": [{"product_id": str(await harness.product()), "quantity": 1}]}
    order = data(await customer.call("POST", "/orders", body, key), 202)
    for event, status in ((reserved, 202), (action_required, 202), (succeeded, 201)):
        await deliver(harness.service, event(order))
        told = await customer.get(f"/orders/{order['id']}")
        replay = await customer.call("POST", "/orders", body, key)
        assert data(replay, status) == told
        assert replay.headers["idempotency-replayed"] == "true"
        assert replay.headers["location"] == f"/api/v1/orders/{order['id']}"
    await harness.staff().call("POST", f"/orders/{order['id']}/ship")
    assert data(await customer.call("POST", "/orders", body, key), 201)["status"] == "shipped"
    assert await harness.count("orders") == 1


@pytest.mark.parametrize("end", [succeeded, failed, action_required])
async def test_a_replay_can_wait_for_its_order(harness: Harness, end: Callable[[Json], Event]) -> None:
    customer, key = harness.customer(), {"Idempotency-Key": "checkout-1"}
    body = {"items": [{"product_id": str(await harness.product()), "quantity": 1}]}
    order = data(await customer.call("POST", "/orders", body, key), 202)
    await deliver(harness.service, reserved(order))
    replay = asyncio.create_task(customer.call("POST", "/orders", body, key | {"Prefer": "wait=10"}))
    await deliver(harness.service, end(order))
    answer = await replay
    assert answer.json()["data"] == await customer.get(f"/orders/{order['id']}")
    assert answer.headers["idempotency-replayed"] == "true"


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
