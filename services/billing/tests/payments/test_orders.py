"""Payment requests and cancellations of orders: any order of events, redelivery or crash has the same result."""

import asyncio
from datetime import timedelta

import pytest
from services.billing.tests.conftest import OpenHarness
from services.billing.tests.harness import Harness, order_cancelled, payment_requested

from common.contracts.billing import PaymentCancelled, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.jobs import run_jobs
from common.money import Money
from common.testing import cloud_event_of, deliver

AHEAD = timedelta(hours=2)


async def test_a_redelivered_payment_request_is_charged_once(harness: Harness) -> None:
    cloud_event = cloud_event_of(order := payment_requested())
    await deliver(harness.service, cloud_event)
    await deliver(harness.service, cloud_event)
    await harness.run_jobs()
    assert (await harness.sandbox_charge(order))["asked"] == 1


async def test_a_second_payment_request_for_an_order_is_charged_once(harness: Harness) -> None:
    order = payment_requested()
    await deliver(harness.service, order, payment_requested(order_id=order.order_id))
    await deliver(harness.service, payment_requested(order_id=order.order_id))
    await harness.run_jobs()
    assert (await harness.fetch_row("SELECT sum(captured) AS all FROM sandbox_charge"))["all"] == 250_000
    assert len(await harness.events(PaymentSucceeded, order)) == 1


async def test_a_payment_request_after_the_cancellation_is_never_charged(harness: Harness) -> None:
    order = payment_requested()
    await harness.cancel_order(order)
    await deliver(harness.service, order)
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert (payment["status"], payment["provider"], payment["captured"]) == ("cancelled", None, 0)
    assert await harness.sandbox_charge(order) is None
    [cancelled] = await harness.events(PaymentCancelled, order)
    assert (cancelled.payment_id, cancelled.customer_id) == (None, order.customer_id)


async def test_an_unsent_payment_is_cancelled_without_calling_the_provider(harness: Harness) -> None:
    order = await harness.request_payment()
    await harness.cancel_order(order)
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert payment["status"] == "cancelled"
    assert await harness.sandbox_charge(order) is None
    [cancelled] = await harness.events(PaymentCancelled, order)
    assert cancelled.payment_id == payment["id"]


async def test_a_payment_that_waits_for_its_customer_is_cancelled_once(harness: Harness) -> None:
    order = await harness.request_payment("tok_action")
    await harness.run_jobs()
    assert (await harness.payment(order))["action_type"] == "sandbox"
    await harness.cancel_order(order)
    await harness.cancel_order(order)
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert (payment["status"], payment["action_type"], payment["action_url"]) == ("cancelled", None, None)
    assert len(await harness.events(PaymentCancelled, order)) == 1


async def test_a_request_and_its_cancellation_in_one_batch_charge_nothing(harness: Harness) -> None:
    order, other = payment_requested(), payment_requested()
    await deliver(harness.service, order, other, order_cancelled(order))
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "cancelled"
    assert (await harness.payment(other))["status"] == "succeeded"


async def test_a_captured_payment_is_refunded_when_its_order_is_cancelled(harness: Harness) -> None:
    order = await harness.request_payment()
    await harness.run_jobs()
    await harness.cancel_order(order)
    await harness.cancel_order(order)
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert (payment["status"], payment["refunded"]) == ("refunded", 250_000)
    assert (await harness.sandbox_charge(order))["refunded"] == 250_000
    [refunded] = await harness.events(PaymentRefunded, order)
    assert (refunded.amount, refunded.refunded, refunded.captured) == (order.amount,) * 3


async def test_a_cancellation_during_the_charge_refunds_it(harness: Harness) -> None:
    order = await harness.request_payment()
    await harness.job("billing.payments.sandbox").run()
    await harness.cancel_order(order)
    await harness.run_jobs()
    payment, charge = await harness.payment(order), await harness.sandbox_charge(order)
    assert payment["captured"] == payment["refunded"] == charge["captured"] == charge["refunded"]
    assert payment["status"] in ("refunded", "cancelled")


async def test_cancellations_that_race_with_charges_leave_no_captured_money(harness: Harness) -> None:
    tokens = ("tok_ok", "tok_unknown", "tok_late", "tok_action", "tok_decline")
    orders = [payment_requested(tokens[number % len(tokens)]) for number in range(100)]

    async def request_and_cancel(number: int) -> None:
        """Every third order stays; the others are cancelled before or after their payment request."""
        order = orders[number]
        if number % 3 == 1:
            await harness.cancel_order(order)
        await deliver(harness.service, order)
        if number % 3 == 2:
            await harness.cancel_order(order)

    async with run_jobs("billing", harness.service.jobs):
        await asyncio.gather(*(request_and_cancel(number) for number in range(len(orders))))
    await harness.run_jobs_after()
    await harness.run_jobs_after()
    cancelled = [order.order_id for number, order in enumerate(orders) if number % 3]
    async with harness.database.begin() as tx:
        unsettled = await tx.sql.fetch(
            "SELECT * FROM payment WHERE order_id = ANY($1) AND (captured <> refunded OR next_attempt_at IS NOT NULL)",
            cancelled,
        )
        differences = await tx.sql.fetch("""
            SELECT * FROM payment LEFT JOIN sandbox_charge ON idempotency_key = payment.id
            WHERE payment.captured <> coalesce(sandbox_charge.captured, 0)
               OR payment.refunded <> coalesce(sandbox_charge.refunded, 0)""")
        succeeded = await tx.sql.fetch("SELECT order_id FROM payment WHERE status = 'succeeded' AND captured = amount")
    assert (unsettled, differences) == ([], [])
    expected = {order.order_id for number, order in enumerate(orders) if number % 3 == 0 and number % 5 in (0, 1)}
    assert {row["order_id"] for row in succeeded} == expected


async def test_a_crash_between_charge_and_record_charges_once(open_harness: OpenHarness, harness: Harness) -> None:
    order = await harness.request_payment()
    await harness.job("billing.payments.sandbox").run()
    await harness.join_calls()
    # The process ends here: another one takes over its database.
    restarted = await open_harness(database_url=harness.database.url)
    await restarted.run_jobs()
    assert (await harness.payment(order))["status"] == "processing"
    harness.clock.advance(timedelta(seconds=60))
    await restarted.run_jobs()
    assert (await harness.payment(order))["status"] == "succeeded"
    charge = await harness.sandbox_charge(order)
    assert (charge["captured"], charge["asked"]) == (250_000, 2)
    assert len(await harness.events(PaymentSucceeded, order)) == 1


async def test_work_scheduled_by_a_clock_that_was_ahead_is_due_at_once(harness: Harness) -> None:
    paid = await harness.request_payment("tok_ok")
    await harness.run_jobs()
    harness.clock.advance(AHEAD)
    unknown = await harness.request_payment("tok_unknown")
    await harness.run_jobs()
    unasked = await harness.request_payment("tok_ok")
    await harness.cancel_order(paid)
    harness.clock.advance(-AHEAD)
    await harness.run_jobs()
    assert (await harness.payment(unknown))["status"] == "succeeded"
    assert (await harness.payment(unasked))["status"] == "succeeded"
    assert (await harness.sandbox_charge(paid))["refunded"] == (await harness.sandbox_charge(paid))["captured"] > 0


async def test_two_workers_on_one_database_charge_each_payment_once(
    open_harness: OpenHarness, harness: Harness
) -> None:
    second = await open_harness(database_url=harness.database.url)
    orders = [payment_requested() for _ in range(120)]
    await deliver(harness.service, *orders)
    await asyncio.gather(harness.run_jobs(), second.run_jobs())
    ledger = await harness.fetch_row("SELECT count(*), sum(captured), max(asked) FROM sandbox_charge")
    assert tuple(ledger) == (120, 120 * 250_000, 1)
    events = await harness.fetch_row("SELECT count(*), count(DISTINCT subject) FROM outbox")
    assert tuple(events) == (120, 120)


@pytest.mark.parametrize("provider", ["stripe", "unknown"])
async def test_a_payment_through_a_provider_that_is_not_enabled_fails_at_once(harness: Harness, provider: str) -> None:
    order = await harness.request_payment(provider=provider)
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "provider_not_offered"


async def test_the_sandbox_is_disabled_in_production_unless_it_is_enabled_explicitly(open_harness: OpenHarness) -> None:
    production = {
        "mode": "production",
        "amqp_url": "amqp://broker/",
        "issuer": "https://shop.example",
        "audience": "shop",
        "auth_url": "http://auth",
    }
    order = payment_requested()
    disabled, enabled = await open_harness(**production), await open_harness(**production, sandbox_payments=True)
    await deliver(disabled.service, order)
    await deliver(enabled.service, order)
    assert (await disabled.payment(order))["status"] == "failed"
    assert (await enabled.payment(order))["status"] == "pending"


async def test_a_payment_of_zero_succeeds_without_a_provider(harness: Harness) -> None:
    order = await harness.request_payment(amount=Money.zero("TZS"))
    [succeeded] = await harness.events(PaymentSucceeded, order)
    assert succeeded.amount.amount == 0
    await harness.cancel_order(order)
    assert await harness.fetch_row("SELECT * FROM refund") is None


async def test_a_negative_amount_is_a_dead_letter_and_does_not_affect_others(harness: Harness) -> None:
    good, bad = payment_requested(), payment_requested(amount=Money(amount=-1, currency="TZS"))
    settlements = await deliver(harness.service, good, bad, may_fail=True)
    assert [type(each).__name__ for each in settlements] == ["Done", "Dead"]
    assert (await harness.payment(good))["status"] == "pending"


async def test_published_events_have_the_origin_of_the_events_that_caused_them(harness: Harness) -> None:
    order = payment_requested()
    requested, cancelled = cloud_event_of(order), cloud_event_of(order_cancelled(order))
    await deliver(harness.service, requested)
    await harness.run_jobs()
    await deliver(harness.service, cancelled)
    await harness.run_jobs()
    async with harness.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT type, correlation_id, causation_id FROM outbox ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (PaymentSucceeded.type, requested.correlation_id, str(requested.id)),
        (PaymentRefunded.type, cancelled.correlation_id, str(cancelled.id)),
    ]


async def test_a_call_that_exceeds_the_timeout_is_unknown_and_repeated(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.payments.providers.sandbox.SLOW_SECONDS", 30.0)
    harness = await open_harness(payment_timeout=0.2)
    order = await harness.request_payment("tok_slow")
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "unknown"
