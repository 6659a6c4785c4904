"""A checkout with `Prefer: wait=N`."""

import asyncio
from uuid import UUID

import httpx
from services.orders.tests.harness import (
    Harness,
    Json,
    User,
    action_required,
    data,
    failed,
    rejected,
    reserved,
    succeeded,
)

from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.testing import RecordingTransport, deliver, eventually, facts


async def start_waiting(harness: Harness, customer: User, **headers: str) -> tuple[asyncio.Task[httpx.Response], Json]:
    """A checkout that waits for the final response, and its order."""
    body = {"items": [{"product_id": str(await harness.product()), "quantity": 1}]}
    response = asyncio.create_task(customer.call("POST", "/orders", body, {"Prefer": "wait=10"} | headers))

    async def placed() -> list[Json]:
        orders: list[Json] = await customer.get("/orders")
        return orders

    return response, (await eventually(placed))[0]


async def test_the_response_waits_until_the_order_is_confirmed(harness: Harness, transport: RecordingTransport) -> None:
    response, order = await start_waiting(harness, harness.customer())
    await deliver(harness.service, reserved(order))
    assert not response.done()
    await deliver(harness.service, succeeded(order))
    transport.tell((await facts(harness.database, OrderConfirmed))[0])
    assert data(await response, 201)["status"] == "confirmed"


async def test_the_response_waits_until_the_order_is_cancelled(harness: Harness, transport: RecordingTransport) -> None:
    response, order = await start_waiting(harness, harness.customer())
    await deliver(harness.service, rejected(order))
    transport.tell((await facts(harness.database, OrderCancelled))[0])
    view = data(await response, 201)
    assert (view["status"], view["status_reason"]) == ("cancelled", "out_of_stock")


async def test_the_response_comes_at_once_when_the_customer_must_act(
    harness: Harness, transport: RecordingTransport
) -> None:
    response, order = await start_waiting(harness, harness.customer())
    await deliver(harness.service, reserved(order))
    # As on the real bus, the event may wake the request before this service has handled it.
    transport.tell(action_required(order))
    await deliver(harness.service, action_required(order))
    assert data(await response, 202)["payment"]["action"]["type"] == "redirect"


async def test_the_response_comes_even_if_no_event_arrives(harness: Harness) -> None:
    response, order = await start_waiting(harness, harness.customer())
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, failed(order))
    assert data(await response, 201)["status_reason"] == "payment_declined"


async def test_an_order_that_is_not_final_in_time_is_returned_as_it_is(harness: Harness) -> None:
    customer = harness.customer()
    body = {"items": [{"product_id": str(await harness.product()), "quantity": 1}]}
    response = await customer.call("POST", "/orders", body, {"Prefer": "wait=1"})
    assert data(response, 202)["status"] == "pending"


async def test_requests_that_wait_are_answered_when_the_process_is_told_to_stop(harness: Harness) -> None:
    response, order = await start_waiting(harness, harness.customer())
    harness.service.drain.begin()
    answer = await response
    assert (data(answer, 202)["status"], data(answer, 202)["id"]) == ("pending", order["id"])
    assert answer.headers["connection"] == "close"
    later = {"items": [{"product_id": order["items"][0]["product_id"], "quantity": 1}]}
    assert data(await harness.customer().call("POST", "/orders", later, {"Prefer": "wait=10"}), 202)


async def test_a_retry_of_a_waiting_request_gets_the_final_response(
    harness: Harness, transport: RecordingTransport
) -> None:
    customer, key = harness.customer(), {"Idempotency-Key": "checkout-1"}
    response, order = await start_waiting(harness, customer, **key)
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, succeeded(order))
    transport.tell((await facts(harness.database, OrderConfirmed))[0])
    first = await response
    body = {"items": [{"product_id": order["items"][0]["product_id"], "quantity": 1}]}
    again = await customer.call("POST", "/orders", body, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert UUID(again.json()["data"]["id"]) == UUID(order["id"])
