"""Payments through Stripe's client against a fake Stripe: idempotency, declines, lost responses, refunds."""

from datetime import timedelta

import pytest
from services.billing.tests.fake_stripe import FakeStripe
from services.billing.tests.harness import Harness

from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.money import Money


@pytest.fixture
def harness(stripe_harness: Harness) -> Harness:
    return stripe_harness


async def pay(harness: Harness, token: str) -> PaymentRequested:
    order = await harness.request_payment(token, provider="stripe")
    await harness.run_jobs()
    return order


async def test_a_card_is_charged_once_and_the_intent_carries_the_payment_id(
    harness: Harness, stripe: FakeStripe
) -> None:
    order = await pay(harness, "pm_ok")
    payment = await harness.payment(order)
    [intent] = stripe.intents.values()
    assert (payment["status"], payment["captured"], payment["reference"]) == ("succeeded", 250_000, intent["id"])
    assert intent["metadata"]["payment_id"] == str(payment["id"])
    [succeeded] = await harness.events(PaymentSucceeded, order)
    assert succeeded.reference == intent["id"]


async def test_a_declined_card_fails_the_payment_with_the_banks_reason(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_decline")
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "insufficient_funds"
    assert stripe.captured == 0


async def test_an_unknown_payment_method_fails_the_payment(harness: Harness) -> None:
    order = await pay(harness, "pm_missing")
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "resource_missing"


@pytest.mark.parametrize("token", ["pm_lost", "pm_500"])
async def test_a_charge_whose_response_is_lost_is_unknown_and_later_found_captured_once(
    harness: Harness, stripe: FakeStripe, token: str
) -> None:
    order = await pay(harness, token)
    assert (await harness.payment(order))["status"] == "unknown"
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "succeeded"
    assert len(await harness.events(PaymentSucceeded, order)) == 1
    assert stripe.captured == 250_000


async def test_three_d_secure_redirects_the_customer_and_is_queried_later(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_action")
    [required] = await harness.events(PaymentActionRequired, order)
    [intent] = stripe.intents.values()
    assert (required.action_type, required.action_url) == ("redirect", f"{stripe.url}/3ds/{intent['id']}")
    await harness.run_jobs_after()
    assert len(await harness.events(PaymentActionRequired, order)) == 1
    stripe.capture(intent)
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "succeeded"


async def test_a_payment_is_unknown_while_stripe_is_unavailable_and_charged_afterwards(
    harness: Harness, stripe: FakeStripe
) -> None:
    stripe.is_unavailable = True
    order = await pay(harness, "pm_ok")
    assert (await harness.payment(order))["status"] == "unknown"
    stripe.is_unavailable = False
    stripe.keys.clear()
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "succeeded"
    assert stripe.captured == 250_000


async def test_a_crash_between_charge_and_record_charges_once(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_ok")
    async with harness.database.begin() as tx:
        await tx.sql.execute(
            "UPDATE payment SET status = 'processing', captured = 0, reference = NULL, next_attempt_at = $1",
            harness.clock.now(),
        )
    await harness.run_jobs()
    assert (await harness.payment(order))["captured"] == 250_000
    assert stripe.captured == 250_000
    assert len(stripe.intents) == 1


async def test_a_charge_is_found_by_its_metadata_after_its_idempotency_key_expired(
    harness: Harness, stripe: FakeStripe
) -> None:
    order = await pay(harness, "pm_ok")
    stripe.keys.clear()
    async with harness.database.begin() as tx:
        await tx.sql.execute(
            "UPDATE payment SET status = 'processing', captured = 0, reference = NULL, next_attempt_at = $1",
            harness.clock.now(),
        )
    await harness.run_jobs_after(timedelta(days=2).total_seconds())
    assert (await harness.payment(order))["captured"] == 250_000
    assert len(stripe.intents) == 1


async def test_an_order_cancelled_during_three_d_secure_can_never_be_captured(
    harness: Harness, stripe: FakeStripe
) -> None:
    order = await pay(harness, "pm_action")
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "cancelled"
    assert [intent["status"] for intent in stripe.intents.values()] == ["canceled"]


async def test_an_order_cancelled_while_stripe_is_unavailable_is_never_charged(
    harness: Harness, stripe: FakeStripe
) -> None:
    stripe.is_unavailable = True
    order = await pay(harness, "pm_ok")
    await harness.cancel_order(order)
    stripe.is_unavailable = False
    stripe.keys.clear()
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "cancelled"
    assert [intent["status"] for intent in stripe.intents.values()] == ["canceled"]


async def test_a_capture_after_the_cancellation_is_refunded(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_processing")
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "processing"
    [intent] = stripe.intents.values()
    stripe.capture(intent)
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "refunded"
    assert stripe.refunded == stripe.captured == 250_000
    [refunded] = await harness.events(PaymentRefunded, order)
    assert refunded.amount == order.amount


async def test_a_lost_charge_of_a_cancelled_order_is_refunded(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_lost")
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "refunded"
    assert stripe.refunded == stripe.captured == 250_000


async def test_a_refund_whose_response_is_lost_is_found_and_not_repeated(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_ok")
    await harness.cancel_order(order)
    await harness.run_jobs()
    stripe.keys.clear()
    async with harness.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET refunded = 0, status = 'succeeded'")
        await tx.sql.execute(
            "UPDATE refund SET status = 'pending', reference = NULL, next_attempt_at = $1", harness.clock.now()
        )
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "refunded"
    assert len(stripe.refunds) == 1


async def test_a_refund_is_tried_again_until_stripe_confirms_it(harness: Harness, stripe: FakeStripe) -> None:
    order = await pay(harness, "pm_ok")
    stripe.is_unavailable = True
    await harness.cancel_order(order)
    for _ in range(3):
        await harness.run_jobs_after()
    assert (await harness.fetch_row("SELECT status FROM refund"))["status"] == "pending"
    assert await harness.events(PaymentRefunded, order) == []
    stripe.is_unavailable = False
    stripe.keys.clear()
    await harness.run_jobs_after()
    assert (await harness.payment(order))["status"] == "refunded"
    assert stripe.refunded == 250_000


async def test_a_refund_that_stripe_rejects_has_failed_and_frees_its_amount(
    harness: Harness, stripe: FakeStripe
) -> None:
    order = await pay(harness, "pm_ok")
    stripe.refund_error = "charge_disputed"
    await harness.cancel_order(order)
    await harness.run_jobs()
    refund = await harness.fetch_row("SELECT status, failure_code FROM refund")
    assert tuple(refund) == ("failed", "charge_disputed")
    payment = await harness.payment(order)
    assert (payment["status"], payment["promised"]) == ("succeeded", 0)


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"), [(2_000, "UGX", 200_000), (200_000, "TZS", 200_000), (500, "RWF", 500)]
)
async def test_amounts_are_sent_in_stripes_minor_units(
    harness: Harness, stripe: FakeStripe, amount: int, currency: str, at_stripe: int
) -> None:
    order = await harness.request_payment("pm_ok", provider="stripe", amount=Money(amount=amount, currency=currency))
    await harness.run_jobs()
    [intent] = stripe.intents.values()
    assert intent["amount"] == at_stripe
    assert (await harness.payment(order))["captured"] == amount


async def test_an_amount_that_stripe_cannot_take_is_declined(harness: Harness, stripe: FakeStripe) -> None:
    order = await harness.request_payment("pm_ok", provider="stripe", amount=Money(amount=12_345, currency="MGA"))
    await harness.run_jobs()
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "amount_not_payable"
    assert not stripe.intents
