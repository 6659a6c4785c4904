"""Refunding payments over HTTP."""

import asyncio

import httpx
from services.billing.tests.conftest import OpenHarness
from services.billing.tests.harness import Harness

from common.contracts.billing import PaymentRefunded
from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.testing import TestIssuer, eventually
from common.testing.plugin import ClientFor

PAYMENTS = "/api/v1/payments"


async def test_staff_refund_in_parts_and_never_more_than_the_capture(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await harness.payment_path(paid, "/refund")
    part = {"amount": {"amount": 100_000, "currency": "TZS"}, "reason": "one item was broken"}
    first = await client.post(path, json=part, headers=staff)
    assert (first.status_code, first.json()["data"]["status"]) == (202, "pending")
    too_much = await client.post(path, json=part | {"amount": {"amount": 150_001, "currency": "TZS"}}, headers=staff)
    assert (too_much.status_code, too_much.json()["code"]) == (422, "over_refund")
    await harness.run_jobs()
    assert (await harness.payment(paid))["status"] == "partially_refunded"
    await client.post(path, json={"reason": "all of it"}, headers=staff)
    await harness.run_jobs()
    assert (await harness.payment(paid))["status"] == "refunded"
    assert (await client.post(path, json={"reason": "again"}, headers=staff)).status_code == 409
    events = await harness.events(PaymentRefunded, paid)
    assert [(e.amount.amount, e.refunded.amount, e.reason) for e in events] == [
        (100_000, 100_000, "one item was broken"),
        (150_000, 250_000, "all of it"),
    ]
    listed = (await client.get(await harness.payment_path(paid, "/refunds"), headers=staff)).json()["data"]
    assert [refund["status"] for refund in listed] == ["succeeded", "succeeded"]


async def test_concurrent_refunds_never_exceed_the_capture(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await harness.payment_path(paid, "/refund")
    body = {"amount": {"amount": 60_000, "currency": "TZS"}, "reason": "hurry"}
    responses = await asyncio.gather(*(client.post(path, json=body, headers=staff) for _ in range(12)))
    assert sorted(response.status_code for response in responses) == [202] * 4 + [422] * 8
    await harness.run_jobs()
    assert (await harness.sandbox_charge(paid))["refunded"] == 240_000


async def test_a_repeated_refund_request_is_one_refund(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await harness.payment_path(paid, "/refund")
    body = {"amount": {"amount": 10_000, "currency": "TZS"}, "reason": "kindness"}
    headers = staff | {"Idempotency-Key": "refund-of-today"}
    responses = await asyncio.gather(*(client.post(path, json=body, headers=headers) for _ in range(8)))
    assert {response.json()["data"]["id"] for response in responses} == {responses[0].json()["data"]["id"]}
    assert (await harness.fetch_row("SELECT count(*) FROM refund"))["count"] == 1


async def test_a_repeated_refund_request_is_answered_with_the_refund_as_it_is(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await harness.payment_path(paid, "/refund")
    body, headers = {"reason": "kindness"}, staff | {"Idempotency-Key": "refund-of-today"}
    first = (await client.post(path, json=body, headers=headers)).json()["data"]
    await harness.run_jobs()
    again = await client.post(path, json=body, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert again.json()["data"] == first | {"status": "succeeded"}


async def test_refunds_are_for_staff_and_of_a_positive_amount(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await harness.payment_path(paid, "/refund")
    assert (
        await client.post(path, json={"reason": "mine"}, headers=tokens.bearer(paid.customer_id))
    ).status_code == 403
    assert (await client.post(f"{PAYMENTS}/{new_id()}/refund", json={"reason": "x"}, headers=staff)).status_code == 404
    for amount, field in [(0, "amount"), (-5, "amount"), ("much", "amount.amount")]:
        body = {"amount": {"amount": amount, "currency": "TZS"}, "reason": "x"}
        response = await client.post(path, json=body, headers=staff)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)


async def test_the_running_service_pays_and_refunds_in_the_background(
    open_harness: OpenHarness, client_for: ClientFor, staff: dict[str, str]
) -> None:
    running = await open_harness()
    client = await client_for(running.service, role="all")
    order = await running.request_payment()

    async def status() -> str:
        found = (await client.get(PAYMENTS, params={"order_id": str(order.order_id)}, headers=staff)).json()
        return str(found["data"][0]["status"])

    async def has(wanted: str) -> bool:
        return await status() == wanted

    await eventually(lambda: has("succeeded"))
    await client.post(await running.payment_path(order, "/refund"), json={"reason": "try"}, headers=staff)
    await eventually(lambda: has("refunded"))
