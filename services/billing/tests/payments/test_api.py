"""Reading payments over HTTP."""

import httpx
from services.billing.tests.harness import Harness

from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.testing import TestIssuer

PAYMENTS = "/api/v1/payments"


async def test_customers_see_their_own_payments_and_staff_see_all(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer, staff: dict[str, str]
) -> None:
    mine = await harness.request_payment()
    await harness.request_payment()
    own = (await client.get(PAYMENTS, headers=tokens.bearer(mine.customer_id))).json()
    assert [payment["order_id"] for payment in own["data"]] == [str(mine.order_id)]
    assert (await client.get(PAYMENTS, headers=staff)).json()["meta"]["total"] == 2
    assert (await client.get(PAYMENTS)).status_code == 401


async def test_a_payment_has_the_documented_shape(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer, paid: PaymentRequested
) -> None:
    response = await client.get(await harness.payment_path(paid), headers=tokens.bearer(paid.customer_id))
    payment = response.json()["data"]
    assert payment["amount"] == {"amount": 250_000, "currency": "TZS"}
    assert payment["refunded"] == {"amount": 0, "currency": "TZS"}
    assert (payment["provider"], payment["status"], payment["action"]) == ("sandbox", "succeeded", None)
    assert payment["reference"].startswith("sandbox_")


async def test_another_customers_payment_is_not_found(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer, paid: PaymentRequested
) -> None:
    assert (await client.get(await harness.payment_path(paid), headers=tokens.bearer())).status_code == 404
    assert (await client.get(f"{PAYMENTS}/{new_id()}", headers=tokens.bearer())).status_code == 404


async def test_payments_are_filtered_by_order_and_by_public_status(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    late = await harness.request_payment("tok_late")
    await harness.run_jobs()
    for query, expected in [
        ({"order_id": str(paid.order_id)}, paid),
        ({"status": "succeeded"}, paid),
        ({"status": "pending"}, late),
    ]:
        found = (await client.get(PAYMENTS, params=query, headers=staff)).json()["data"]
        assert [payment["order_id"] for payment in found] == [str(expected.order_id)]
    wrong = await client.get(PAYMENTS, params={"status": "paid"}, headers=staff)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")


async def test_an_order_cancelled_before_its_payment_request_has_no_payment(
    harness: Harness, client: httpx.AsyncClient, staff: dict[str, str], paid: PaymentRequested
) -> None:
    never = paid.model_copy(update={"order_id": new_id()})
    await harness.cancel_order(never)
    assert (await client.get(PAYMENTS, headers=staff)).json()["meta"]["total"] == 1
    assert (await client.get(await harness.payment_path(never), headers=staff)).status_code == 404
