"""What each sandbox token leads to, from the order's request to the books of the provider."""

import httpx
import pytest
from services.billing.tests.shop import Shop

from billing.providers import sandbox
from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.money import Money
from common.testing import TestIssuer
from common.testing.plugin import ClientFor


async def pay(shop: Shop, token: str | None) -> PaymentRequested:
    order = await shop.request(token)
    await shop.work()
    return order


async def complete(
    client: httpx.AsyncClient, shop: Shop, order: PaymentRequested, who: dict[str, str], approve: bool = True
) -> httpx.Response:
    payment = await shop.payment(order)
    path = f"/api/v1/payments/{payment['id']}/sandbox/complete"
    return await client.post(path, json={"approve": approve}, headers=who)


async def test_a_payment_without_a_token_is_captured(shop: Shop) -> None:
    order = await pay(shop, None)
    payment = await shop.payment(order)
    assert (payment["status"], payment["captured"], payment["next_attempt_at"]) == ("succeeded", 250_000, None)
    assert (await shop.charge(order))["captured"] == 250_000
    [succeeded] = await shop.told(PaymentSucceeded, order)
    assert (succeeded.amount, succeeded.payment_id) == (order.amount, payment["id"])


async def test_a_declined_payment_fails_with_a_code(shop: Shop) -> None:
    order = await pay(shop, "tok_decline")
    assert (await shop.payment(order))["status"] == "failed"
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "card_declined"


async def test_a_token_that_nobody_knows_fails_and_names_the_known_ones(shop: Shop) -> None:
    order = await pay(shop, "tok_typo")
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "unknown_token"
    assert "tok_slow" in failed.message


async def test_a_slow_payment_holds_up_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SLOW_SECONDS", 1.0)
    slow, quick = await shop.request("tok_slow"), await shop.request()
    paying = shop.service.jobs[0]
    while (await shop.payment(quick))["status"] != "succeeded":
        await paying.run()
        await paying.pause(0.1)
    assert (await shop.payment(slow))["status"] == "processing"
    await shop.work()
    assert (await shop.payment(slow))["status"] == "succeeded"


async def test_an_unknown_payment_succeeds_when_asked_again(shop: Shop) -> None:
    order = await pay(shop, "tok_unknown")
    assert (await shop.payment(order))["status"] == "unknown"
    assert await shop.told(PaymentSucceeded, order) == []
    await shop.rest(2)
    assert (await shop.payment(order))["status"] == "succeeded"
    assert (await shop.charge(order))["captured"] == 250_000


async def test_a_late_payment_is_captured_by_its_cancellation_and_goes_back(shop: Shop) -> None:
    order = await pay(shop, "tok_late")
    await shop.rest()
    assert (await shop.payment(order))["status"] == "processing"
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "refunded"
    charge = await shop.charge(order)
    assert (charge["captured"], charge["refunded"]) == (250_000, 250_000)
    [refunded] = await shop.told(PaymentRefunded, order)
    assert (refunded.amount, refunded.reason) == (order.amount, "order_cancelled")


async def test_an_amount_can_stand_for_a_token(shop: Shop) -> None:
    order = await shop.request(amount=Money(amount=7_900_001, currency="TZS"))
    await shop.work()
    assert (await shop.payment(order))["failure_code"] == "card_declined"


async def test_the_customer_completes_a_payment_that_waits_for_action(
    shop: Shop, client_for: ClientFor, tokens: TestIssuer
) -> None:
    order = await pay(shop, "tok_action")
    [asked] = await shop.told(PaymentActionRequired, order)
    client = await client_for(shop.service)
    owner = tokens.bearer(order.customer_id)
    assert (await complete(client, shop, order, tokens.bearer())).status_code == 404
    answer = await complete(client, shop, order, owner)
    assert answer.json()["data"]["status"] == "succeeded"
    assert asked.action_url == answer.request.url.path
    assert len(await shop.told(PaymentSucceeded, order)) == 1
    again = await complete(client, shop, order, owner)
    assert (again.status_code, again.json()["code"]) == (409, "payment_not_waiting")


async def test_the_customer_refuses_a_payment_that_waits_for_action(
    shop: Shop, client_for: ClientFor, tokens: TestIssuer
) -> None:
    order = await pay(shop, "tok_action")
    client = await client_for(shop.service)
    await complete(client, shop, order, tokens.bearer(order.customer_id), approve=False)
    assert (await shop.payment(order))["status"] == "failed"


async def test_a_payment_completed_after_its_order_was_cancelled_is_not_captured(
    shop: Shop, client_for: ClientFor, tokens: TestIssuer
) -> None:
    order = await pay(shop, "tok_action")
    await shop.cancel(order)
    await shop.work()
    client = await client_for(shop.service)
    answer = await complete(client, shop, order, tokens.bearer(order.customer_id))
    assert answer.status_code == 409
    assert (await shop.charge(order))["captured"] == 0
