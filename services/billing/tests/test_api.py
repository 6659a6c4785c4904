"""Reading payments and refunding them over HTTP."""

import asyncio

import httpx
import pytest
from services.billing.tests.conftest import OpenShop
from services.billing.tests.shop import Shop

from common.contracts.billing import PaymentRefunded
from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.testing import TestIssuer, eventually
from common.testing.plugin import ClientFor

PAYMENTS = "/api/v1/payments"


@pytest.fixture
async def client(shop: Shop, client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(shop.service)


@pytest.fixture
def staff(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(roles=["staff"])


@pytest.fixture
async def paid(shop: Shop) -> PaymentRequested:
    order = await shop.request()
    await shop.work()
    return order


async def path_of(shop: Shop, order: PaymentRequested, more: str = "") -> str:
    return f"{PAYMENTS}/{(await shop.payment(order))['id']}{more}"


async def test_customers_see_their_own_payments_and_staff_see_all(
    shop: Shop, client: httpx.AsyncClient, tokens: TestIssuer, staff: dict[str, str]
) -> None:
    mine = await shop.request()
    await shop.request()
    own = (await client.get(PAYMENTS, headers=tokens.bearer(mine.customer_id))).json()
    assert [payment["order_id"] for payment in own["data"]] == [str(mine.order_id)]
    assert (await client.get(PAYMENTS, headers=staff)).json()["meta"]["total"] == 2
    assert (await client.get(PAYMENTS)).status_code == 401


async def test_a_payment_has_the_documented_shape(
    shop: Shop, client: httpx.AsyncClient, tokens: TestIssuer, paid: PaymentRequested
) -> None:
    answer = await client.get(await path_of(shop, paid), headers=tokens.bearer(paid.customer_id))
    payment = answer.json()["data"]
    assert payment["amount"] == {"amount": 250_000, "currency": "TZS"}
    assert payment["refunded"] == {"amount": 0, "currency": "TZS"}
    assert (payment["provider"], payment["status"], payment["action"]) == ("sandbox", "succeeded", None)
    assert payment["reference"].startswith("sandbox_")


async def test_another_customers_payment_does_not_exist(
    shop: Shop, client: httpx.AsyncClient, tokens: TestIssuer, paid: PaymentRequested
) -> None:
    assert (await client.get(await path_of(shop, paid), headers=tokens.bearer())).status_code == 404
    assert (await client.get(f"{PAYMENTS}/{new_id()}", headers=tokens.bearer())).status_code == 404


async def test_payments_are_filtered_by_order_and_by_the_status_that_is_shown(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    late = await shop.request("tok_late")
    await shop.work()
    for query, expected in [
        ({"order_id": str(paid.order_id)}, paid),
        ({"status": "succeeded"}, paid),
        ({"status": "pending"}, late),
    ]:
        found = (await client.get(PAYMENTS, params=query, headers=staff)).json()["data"]
        assert [payment["order_id"] for payment in found] == [str(expected.order_id)]
    wrong = await client.get(PAYMENTS, params={"status": "paid"}, headers=staff)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")


async def test_an_order_cancelled_before_it_asked_shows_no_payment(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    never = paid.model_copy(update={"order_id": new_id()})
    await shop.cancel(never)
    assert (await client.get(PAYMENTS, headers=staff)).json()["meta"]["total"] == 1
    assert (await client.get(await path_of(shop, never), headers=staff)).status_code == 404


async def test_staff_refund_in_parts_and_never_too_much(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await path_of(shop, paid, "/refund")
    part = {"amount": {"amount": 100_000, "currency": "TZS"}, "reason": "one item was broken"}
    first = await client.post(path, json=part, headers=staff)
    assert (first.status_code, first.json()["data"]["status"]) == (202, "pending")
    too_much = await client.post(path, json=part | {"amount": {"amount": 150_001, "currency": "TZS"}}, headers=staff)
    assert (too_much.status_code, too_much.json()["code"]) == (422, "over_refund")
    await shop.work()
    assert (await shop.payment(paid))["status"] == "partially_refunded"
    await client.post(path, json={"reason": "all of it"}, headers=staff)
    await shop.work()
    assert (await shop.payment(paid))["status"] == "refunded"
    assert (await client.post(path, json={"reason": "again"}, headers=staff)).status_code == 409
    events = await shop.told(PaymentRefunded, paid)
    assert [(e.amount.amount, e.refunded.amount, e.reason) for e in events] == [
        (100_000, 100_000, "one item was broken"),
        (150_000, 250_000, "all of it"),
    ]
    listed = (await client.get(await path_of(shop, paid, "/refunds"), headers=staff)).json()["data"]
    assert [refund["status"] for refund in listed] == ["succeeded", "succeeded"]


async def test_concurrent_refunds_never_exceed_the_capture(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await path_of(shop, paid, "/refund")
    body = {"amount": {"amount": 60_000, "currency": "TZS"}, "reason": "hurry"}
    answers = await asyncio.gather(*(client.post(path, json=body, headers=staff) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [422] * 8
    await shop.work()
    assert (await shop.charge(paid))["refunded"] == 240_000


async def test_a_repeated_refund_request_is_one_refund(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await path_of(shop, paid, "/refund")
    body = {"amount": {"amount": 10_000, "currency": "TZS"}, "reason": "kindness"}
    headers = staff | {"Idempotency-Key": "refund-of-today"}
    answers = await asyncio.gather(*(client.post(path, json=body, headers=headers) for _ in range(8)))
    assert {answer.json()["data"]["id"] for answer in answers} == {answers[0].json()["data"]["id"]}
    assert (await shop.row("SELECT count(*) FROM refund"))["count"] == 1


async def test_refunds_are_for_staff_and_of_something(
    shop: Shop, client: httpx.AsyncClient, tokens: TestIssuer, staff: dict[str, str], paid: PaymentRequested
) -> None:
    path = await path_of(shop, paid, "/refund")
    assert (
        await client.post(path, json={"reason": "mine"}, headers=tokens.bearer(paid.customer_id))
    ).status_code == 403
    assert (await client.post(f"{PAYMENTS}/{new_id()}/refund", json={"reason": "x"}, headers=staff)).status_code == 404
    for amount, field in [(0, "amount"), (-5, "amount"), ("much", "amount.amount")]:
        body = {"amount": {"amount": amount, "currency": "TZS"}, "reason": "x"}
        answer = await client.post(path, json=body, headers=staff)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_the_running_service_pays_and_refunds_by_itself(
    open_shop: OpenShop, client_for: ClientFor, staff: dict[str, str]
) -> None:
    running = await open_shop()
    client = await client_for(running.service, role="all")
    order = await running.request()

    async def status() -> str:
        found = (await client.get(PAYMENTS, params={"order_id": str(order.order_id)}, headers=staff)).json()
        return str(found["data"][0]["status"])

    async def has(wanted: str) -> bool:
        return await status() == wanted

    await eventually(lambda: has("succeeded"))
    await client.post(await path_of(running, order, "/refund"), json={"reason": "try"}, headers=staff)
    await eventually(lambda: has("refunded"))
