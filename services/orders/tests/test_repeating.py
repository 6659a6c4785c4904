"""Idempotency-Key on the checkout."""

import asyncio

import httpx
from services.orders.tests.conftest import OpenShop
from services.orders.tests.shop import Shop, problem, reserved

from common.contracts.orders import OrderPlaced
from common.testing import deliver, eventually, facts


async def test_twenty_repetitions_at_once_make_one_order(shop: Shop) -> None:
    customer, kanga = shop.customer(), await shop.product()
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    key = {"Idempotency-Key": "checkout-1"}
    answers = await asyncio.gather(*(customer.call("POST", "/orders", body, key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert len(await facts(shop.database, OrderPlaced)) == 1
    assert await shop.count("orders") == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19


async def test_a_key_is_good_for_one_body_and_one_customer(shop: Shop) -> None:
    customer, stranger, kanga = shop.customer(), shop.customer(), await shop.product()
    key = {"Idempotency-Key": "checkout-1"}
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    first = await customer.call("POST", "/orders", body, key)
    assert problem(await customer.call("POST", "/orders", body | {"note": "other"}, key))[:2] == (
        422,
        "idempotency_key_reused",
    )
    other = await stranger.call("POST", "/orders", body, key)
    assert other.json()["data"]["id"] != first.json()["data"]["id"]


async def test_a_refused_order_leaves_its_key_free(shop: Shop) -> None:
    customer, key = shop.customer(), {"Idempotency-Key": "checkout-1"}
    assert (await customer.call("POST", "/orders", {}, key)).status_code == 422
    item = {"product_id": str(await shop.product()), "quantity": 1}
    await customer.call("POST", "/cart/items", item)
    assert (await customer.call("POST", "/orders", {}, key)).status_code == 202


async def test_who_comes_in_a_rush_is_asked_to_come_back_and_a_repetition_still_gets_its_answer(
    open_shop: OpenShop,
) -> None:
    shop = await open_shop(most_pending=2)
    customer, kanga = shop.customer(), await shop.product()
    body = {"items": [{"product_id": str(kanga), "quantity": 1}]}
    key = {"Idempotency-Key": "checkout-1"}
    first = await customer.call("POST", "/orders", body, key)

    async def turned_away() -> httpx.Response | None:
        answer = await customer.call("POST", "/orders", body)
        return answer if answer.status_code == 503 else None

    refused = await eventually(turned_away)
    assert refused is not None
    assert problem(refused)[:2] == (503, "rush")
    assert int(refused.headers["retry-after"]) > 0
    assert (await customer.call("POST", "/orders", body, key)).json()["data"]["id"] == first.json()["data"]["id"]

    for order in await customer.get("/orders"):
        await deliver(shop.service, reserved(order))

    async def let_in() -> bool:
        return (await customer.call("POST", "/orders", body)).status_code == 202

    assert await eventually(let_in)
