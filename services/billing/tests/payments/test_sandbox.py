"""What each sandbox token leads to, from the payment request to the ledger of the provider."""

import httpx
import pytest
from services.billing.tests.harness import Harness

from billing.payments.providers import sandbox
from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.money import Money
from common.testing import TestIssuer


async def pay(harness: Harness, token: str | None) -> PaymentRequested:
    order = await harness.request_payment(token)
    await harness.run_jobs()
    return order


async def complete(
    client: httpx.AsyncClient, harness: Harness, order: PaymentRequested, who: dict[str, str], approve: bool = True
) -> httpx.Response:
    payment = await harness.payment(order)
    path = f"/api/v1/payments/{payment['id']}/sandbox/complete"
    return await client.post(path, json={"approve": approve}, headers=who)


async def test_a_payment_without_a_token_is_captured(harness: Harness) -> None:
    order = await pay(harness, None)
    payment = await harness.payment(order)
    assert (payment["status"], payment["captured"], payment["next_attempt_at"]) == ("succeeded", 250_000, None)
    assert (await harness.sandbox_charge(order))["captured"] == 250_000
    [succeeded] = await harness.events(PaymentSucceeded, order)
    assert (succeeded.amount, succeeded.payment_id) == (order.amount, payment["id"])


async def test_a_declined_payment_fails_with_a_code(harness: Harness) -> None:
    order = await pay(harness, "tok_decline")
    assert (await harness.payment(order))["status"] == "failed"
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "card_declined"


async def test_an_unknown_token_fails_and_names_the_known_ones(harness: Harness) -> None:
    order = await pay(harness, "tok_typo")
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "unknown_token"
    assert "tok_slow" in failed.message


async def test_a_slow_payment_delays_no_other(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SLOW_SECONDS", 1.0)
    slow, quick = await harness.request_payment("tok_slow"), await harness.request_payment()
    payments = harness.job("billing.payments.sandbox")
    while (await harness.payment(quick))["status"] != "succeeded":
        await payments.run()
        await payments.pause(0.1)
    assert (await harness.payment(slow))["status"] == "processing"
    await harness.run_jobs()
    assert (await harness.payment(slow))["status"] == "succeeded"


async def test_an_unknown_payment_succeeds_when_the_provider_is_called_again(harness: Harness) -> None:
    order = await pay(harness, "tok_unknown")
    assert (await harness.payment(order))["status"] == "unknown"
    assert await harness.events(PaymentSucceeded, order) == []
    await harness.run_jobs_after(2)
    assert (await harness.payment(order))["status"] == "succeeded"
    assert (await harness.sandbox_charge(order))["captured"] == 250_000


async def test_a_late_payment_is_captured_by_its_cancellation_and_refunded(harness: Harness) -> None:
    order = await pay(harness, "tok_late")
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "processing"
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "refunded"
    charge = await harness.sandbox_charge(order)
    assert (charge["captured"], charge["refunded"]) == (250_000, 250_000)
    [refunded] = await harness.events(PaymentRefunded, order)
    assert (refunded.amount, refunded.reason) == (order.amount, "order_cancelled")


async def test_an_amount_can_select_a_behaviour(harness: Harness) -> None:
    order = await harness.request_payment(amount=Money(amount=7_900_001, currency="TZS"))
    await harness.run_jobs()
    assert (await harness.payment(order))["failure_code"] == "card_declined"


async def test_the_customer_completes_a_payment_that_waits_for_action(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    order = await pay(harness, "tok_action")
    [required] = await harness.events(PaymentActionRequired, order)
    owner = tokens.bearer(order.customer_id)
    assert (await complete(client, harness, order, tokens.bearer())).status_code == 404
    response = await complete(client, harness, order, owner)
    assert response.json()["data"]["status"] == "succeeded"
    assert required.action_url == response.request.url.path
    assert len(await harness.events(PaymentSucceeded, order)) == 1
    again = await complete(client, harness, order, owner)
    assert (again.status_code, again.json()["code"]) == (409, "payment_not_waiting")


async def test_the_customer_declines_a_payment_that_waits_for_action(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    order = await pay(harness, "tok_action")
    await complete(client, harness, order, tokens.bearer(order.customer_id), approve=False)
    assert (await harness.payment(order))["status"] == "failed"


async def test_a_payment_completed_after_its_order_was_cancelled_is_not_captured(
    harness: Harness, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    order = await pay(harness, "tok_action")
    await harness.cancel_order(order)
    await harness.run_jobs()
    response = await complete(client, harness, order, tokens.bearer(order.customer_id))
    assert response.status_code == 409
    assert (await harness.sandbox_charge(order))["captured"] == 0
