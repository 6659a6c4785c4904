"""Payments through Stripe's client against a Stripe of our own: idempotency, declines, lost answers, refunds."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from services.billing.tests.conftest import OpenShop
from services.billing.tests.fake_stripe import FakeStripe, fake_stripe
from services.billing.tests.shop import Shop

from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.money import Money


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with fake_stripe() as fake:
        yield fake


@pytest.fixture
async def shop(open_shop: OpenShop, stripe: FakeStripe) -> Shop:
    return await open_shop(
        stripe_secret_key="sk_test_key",
        stripe_webhook_secret="whsec_test",
        stripe_url=stripe.url,
        stripe_return_url="https://shop.example/back",
    )


async def pay(shop: Shop, token: str) -> PaymentRequested:
    order = await shop.request(token, provider="stripe")
    await shop.work()
    return order


async def test_a_card_is_charged_once_and_named_by_its_payment(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_ok")
    payment = await shop.payment(order)
    [intent] = stripe.intents.values()
    assert (payment["status"], payment["captured"], payment["reference"]) == ("succeeded", 250_000, intent["id"])
    assert intent["metadata"]["payment_id"] == str(payment["id"])
    [succeeded] = await shop.told(PaymentSucceeded, order)
    assert succeeded.reference == intent["id"]


async def test_a_declined_card_fails_the_payment_with_the_banks_reason(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_decline")
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "insufficient_funds"
    assert stripe.captured == 0


async def test_an_unknown_payment_method_fails_the_payment(shop: Shop) -> None:
    order = await pay(shop, "pm_missing")
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "resource_missing"


@pytest.mark.parametrize("token", ["pm_lost", "pm_500"])
async def test_a_charge_whose_answer_is_lost_is_unknown_then_found_captured_once(
    shop: Shop, stripe: FakeStripe, token: str
) -> None:
    order = await pay(shop, token)
    assert (await shop.payment(order))["status"] == "unknown"
    await shop.rest()
    assert (await shop.payment(order))["status"] == "succeeded"
    assert len(await shop.told(PaymentSucceeded, order)) == 1
    assert stripe.captured == 250_000


async def test_three_d_secure_sends_the_customer_away_and_is_asked_about_later(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_action")
    [asked] = await shop.told(PaymentActionRequired, order)
    [intent] = stripe.intents.values()
    assert (asked.action_type, asked.action_url) == ("redirect", f"{stripe.url}/3ds/{intent['id']}")
    await shop.rest()
    assert len(await shop.told(PaymentActionRequired, order)) == 1
    stripe.capture(intent)
    await shop.rest()
    assert (await shop.payment(order))["status"] == "succeeded"


async def test_stripe_away_is_unknown_and_charged_when_it_is_back(shop: Shop, stripe: FakeStripe) -> None:
    stripe.is_away = True
    order = await pay(shop, "pm_ok")
    assert (await shop.payment(order))["status"] == "unknown"
    stripe.is_away = False
    stripe.keys.clear()
    await shop.rest()
    assert (await shop.payment(order))["status"] == "succeeded"
    assert stripe.captured == 250_000


async def test_a_crash_between_charge_and_record_charges_once(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_ok")
    async with shop.database.begin() as tx:
        await tx.sql.execute(
            "UPDATE payment SET status = 'processing', captured = 0, reference = NULL, next_attempt_at = $1",
            shop.clock.now(),
        )
    await shop.work()
    assert (await shop.payment(order))["captured"] == 250_000
    assert stripe.captured == 250_000
    assert len(stripe.intents) == 1


async def test_a_charge_is_found_by_its_metadata_once_stripe_forgot_the_key(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_ok")
    stripe.keys.clear()
    async with shop.database.begin() as tx:
        await tx.sql.execute(
            "UPDATE payment SET status = 'processing', captured = 0, reference = NULL, next_attempt_at = $1",
            shop.clock.now(),
        )
    await shop.rest(timedelta(days=2).total_seconds())
    assert (await shop.payment(order))["captured"] == 250_000
    assert len(stripe.intents) == 1


async def test_an_order_cancelled_during_three_d_secure_can_never_be_captured(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_action")
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "cancelled"
    assert [intent["status"] for intent in stripe.intents.values()] == ["canceled"]


async def test_an_order_cancelled_while_stripe_is_away_is_never_charged(shop: Shop, stripe: FakeStripe) -> None:
    stripe.is_away = True
    order = await pay(shop, "pm_ok")
    await shop.cancel(order)
    stripe.is_away = False
    stripe.keys.clear()
    await shop.rest()
    assert (await shop.payment(order))["status"] == "cancelled"
    assert [intent["status"] for intent in stripe.intents.values()] == ["canceled"]


async def test_a_capture_that_comes_after_the_cancellation_goes_back(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_processing")
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "processing"
    [intent] = stripe.intents.values()
    stripe.capture(intent)
    await shop.rest()
    assert (await shop.payment(order))["status"] == "refunded"
    assert stripe.refunded == stripe.captured == 250_000
    [refunded] = await shop.told(PaymentRefunded, order)
    assert refunded.amount == order.amount


async def test_a_lost_charge_of_a_cancelled_order_is_refunded(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_lost")
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "refunded"
    assert stripe.refunded == stripe.captured == 250_000


async def test_a_refund_whose_answer_is_lost_is_found_instead_of_made_again(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_ok")
    await shop.cancel(order)
    await shop.work()
    stripe.keys.clear()
    async with shop.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET refunded = 0, status = 'succeeded'")
        await tx.sql.execute(
            "UPDATE refund SET status = 'pending', reference = NULL, next_attempt_at = $1", shop.clock.now()
        )
    await shop.work()
    assert (await shop.payment(order))["status"] == "refunded"
    assert len(stripe.refunds) == 1


async def test_a_refund_is_tried_again_until_stripe_confirms_it(shop: Shop, stripe: FakeStripe) -> None:
    order = await pay(shop, "pm_ok")
    stripe.is_away = True
    await shop.cancel(order)
    for _ in range(3):
        await shop.rest()
    assert (await shop.row("SELECT status FROM refund"))["status"] == "pending"
    assert await shop.told(PaymentRefunded, order) == []
    stripe.is_away = False
    stripe.keys.clear()
    await shop.rest()
    assert (await shop.payment(order))["status"] == "refunded"
    assert stripe.refunded == 250_000


async def test_a_refund_that_stripe_refuses_is_kept_as_failed_and_frees_its_amount(
    shop: Shop, stripe: FakeStripe
) -> None:
    order = await pay(shop, "pm_ok")
    stripe.refuse_refunds_with = "charge_disputed"
    await shop.cancel(order)
    await shop.work()
    refund = await shop.row("SELECT status, failure_code FROM refund")
    assert tuple(refund) == ("failed", "charge_disputed")
    payment = await shop.payment(order)
    assert (payment["status"], payment["promised"]) == ("succeeded", 0)


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"), [(2_000, "UGX", 200_000), (200_000, "TZS", 200_000), (500, "RWF", 500)]
)
async def test_amounts_are_said_in_stripes_minor_units(
    shop: Shop, stripe: FakeStripe, amount: int, currency: str, at_stripe: int
) -> None:
    order = await shop.request("pm_ok", provider="stripe", amount=Money(amount=amount, currency=currency))
    await shop.work()
    [intent] = stripe.intents.values()
    assert intent["amount"] == at_stripe
    assert (await shop.payment(order))["captured"] == amount


async def test_an_amount_that_stripe_cannot_take_is_declined(shop: Shop, stripe: FakeStripe) -> None:
    order = await shop.request("pm_ok", provider="stripe", amount=Money(amount=12_345, currency="MGA"))
    await shop.work()
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "amount_not_payable"
    assert not stripe.intents
