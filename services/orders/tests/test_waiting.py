"""Prefer: wait=N."""

import asyncio
from uuid import UUID

import httpx
import pytest
from services.orders.tests.shop import Json, Person, Shop, action_required, data, failed, rejected, reserved, succeeded

from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.testing import RecordingTransport, deliver, eventually, facts
from orders.api.waiting import seconds_preferred


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("wait=5", 5),
        ("respond-async, wait=3", 3),
        ("wait=4; foo=bar", 4),
        ('WAIT="2"', 2),
        ("wait=600", 10),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=soon", 0),
        ("await=5", 0),
    ],
)
def test_the_preference_is_read_as_rfc_7240_writes_it(prefer: str | None, seconds: float) -> None:
    assert seconds_preferred(prefer) == seconds


async def waiting_for(shop: Shop, customer: Person, **headers: str) -> tuple[asyncio.Task[httpx.Response], Json]:
    """A checkout whose answer is held, and its order."""
    body = {"items": [{"product_id": str(await shop.product()), "quantity": 1}]}
    held = asyncio.create_task(customer.call("POST", "/orders", body, {"Prefer": "wait=10"} | headers))

    async def placed() -> list[Json]:
        orders: list[Json] = await customer.get("/orders")
        return orders

    return held, (await eventually(placed))[0]


async def test_the_answer_is_held_until_the_order_is_confirmed(shop: Shop, transport: RecordingTransport) -> None:
    held, order = await waiting_for(shop, shop.customer())
    await deliver(shop.service, reserved(order))
    assert not held.done()
    await deliver(shop.service, succeeded(order))
    transport.tell((await facts(shop.database, OrderConfirmed))[0])
    assert data(await held, 201)["status"] == "confirmed"


async def test_a_cancelled_order_is_a_final_answer_too(shop: Shop, transport: RecordingTransport) -> None:
    held, order = await waiting_for(shop, shop.customer())
    await deliver(shop.service, rejected(order))
    transport.tell((await facts(shop.database, OrderCancelled))[0])
    view = data(await held, 201)
    assert (view["status"], view["status_reason"]) == ("cancelled", "out_of_stock")


async def test_when_it_is_the_customers_turn_the_answer_comes_at_once(
    shop: Shop, transport: RecordingTransport
) -> None:
    held, order = await waiting_for(shop, shop.customer())
    await deliver(shop.service, reserved(order))
    # As on the real bus, the request may hear of it before this service has taken it in.
    transport.tell(action_required(order))
    await deliver(shop.service, action_required(order))
    assert data(await held, 202)["payment"]["action"]["type"] == "redirect"


async def test_an_answer_comes_even_when_the_news_pass_unheard(shop: Shop) -> None:
    held, order = await waiting_for(shop, shop.customer())
    await deliver(shop.service, reserved(order))
    await deliver(shop.service, failed(order))
    assert data(await held, 201)["status_reason"] == "payment_declined"


async def test_an_order_that_is_not_final_in_time_is_shown_as_it_stands(shop: Shop) -> None:
    customer = shop.customer()
    body = {"items": [{"product_id": str(await shop.product()), "quantity": 1}]}
    answer = await customer.call("POST", "/orders", body, {"Prefer": "wait=1"})
    assert data(answer, 202)["status"] == "pending"


async def test_the_key_of_a_held_request_remembers_the_final_answer(shop: Shop, transport: RecordingTransport) -> None:
    customer, key = shop.customer(), {"Idempotency-Key": "checkout-1"}
    held, order = await waiting_for(shop, customer, **key)
    await deliver(shop.service, reserved(order))
    await deliver(shop.service, succeeded(order))
    transport.tell((await facts(shop.database, OrderConfirmed))[0])
    first = await held
    body = {"items": [{"product_id": order["items"][0]["product_id"], "quantity": 1}]}
    again = await customer.call("POST", "/orders", body, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert UUID(again.json()["data"]["id"]) == UUID(order["id"])
