"""Orders ask for money and end: every order of events, redelivery and crash leads to the same books."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from services.billing.tests.conftest import OpenShop
from services.billing.tests.shop import Shop, order_cancelled, payment_requested

from common.contracts.billing import PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.jobs import run_jobs
from common.money import Money
from common.testing import cloud_event_of, deliver

AHEAD = timedelta(hours=2)


async def test_a_redelivered_request_is_charged_once(shop: Shop) -> None:
    cloud_event = cloud_event_of(order := payment_requested())
    await deliver(shop.service, cloud_event)
    await deliver(shop.service, cloud_event)
    await shop.work()
    assert (await shop.charge(order))["asked"] == 1


async def test_a_second_request_for_the_same_order_is_charged_once(shop: Shop) -> None:
    order = payment_requested()
    await deliver(shop.service, order, payment_requested(order_id=order.order_id))
    await deliver(shop.service, payment_requested(order_id=order.order_id))
    await shop.work()
    assert (await shop.row("SELECT sum(captured) AS all FROM sandbox_charge"))["all"] == 250_000
    assert len(await shop.told(PaymentSucceeded, order)) == 1


async def test_a_request_after_the_cancellation_never_charges(shop: Shop) -> None:
    order = payment_requested()
    await shop.cancel(order)
    await deliver(shop.service, order)
    await shop.work()
    payment = await shop.payment(order)
    assert (payment["status"], payment["provider"], payment["captured"]) == ("cancelled", None, 0)
    assert await shop.charge(order) is None


async def test_a_payment_not_yet_sent_is_cancelled_without_asking_the_provider(shop: Shop) -> None:
    order = await shop.request()
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "cancelled"
    assert await shop.charge(order) is None


async def test_request_and_cancellation_in_one_batch_charge_nobody(shop: Shop) -> None:
    order, other = payment_requested(), payment_requested()
    await deliver(shop.service, order, other, order_cancelled(order))
    await shop.work()
    assert (await shop.payment(order))["status"] == "cancelled"
    assert (await shop.payment(other))["status"] == "succeeded"


async def test_a_captured_payment_goes_back_when_the_order_is_cancelled(shop: Shop) -> None:
    order = await shop.request()
    await shop.work()
    await shop.cancel(order)
    await shop.cancel(order)
    await shop.work()
    payment = await shop.payment(order)
    assert (payment["status"], payment["refunded"]) == ("refunded", 250_000)
    assert (await shop.charge(order))["refunded"] == 250_000
    [refunded] = await shop.told(PaymentRefunded, order)
    assert (refunded.amount, refunded.refunded, refunded.captured) == (order.amount,) * 3


async def test_a_cancellation_while_the_charge_is_under_way_gives_it_back(shop: Shop) -> None:
    order = await shop.request()
    paying = shop.service.jobs[0]
    await paying.run()
    await shop.cancel(order)
    await shop.work()
    payment, charge = await shop.payment(order), await shop.charge(order)
    assert payment["captured"] == payment["refunded"] == charge["captured"] == charge["refunded"]
    assert payment["status"] in ("refunded", "cancelled")


async def test_cancellations_racing_with_charges_leave_no_money_behind(shop: Shop) -> None:
    tokens = ("tok_ok", "tok_unknown", "tok_late", "tok_action", "tok_decline")
    orders = [payment_requested(tokens[number % len(tokens)]) for number in range(100)]

    async def live(number: int) -> None:
        """Every third order stays, the others are cancelled after or before they ask for money."""
        order = orders[number]
        if number % 3 == 1:
            await shop.cancel(order)
        await deliver(shop.service, order)
        if number % 3 == 2:
            await shop.cancel(order)

    async with run_jobs("billing", shop.service.jobs):
        await asyncio.gather(*(live(number) for number in range(len(orders))))
    await shop.rest()
    await shop.rest()
    gone = [order.order_id for number, order in enumerate(orders) if number % 3]
    async with shop.database.begin() as tx:
        unsettled = await tx.sql.fetch(
            "SELECT * FROM payment WHERE order_id = ANY($1) AND (captured <> refunded OR next_attempt_at IS NOT NULL)",
            gone,
        )
        apart = await tx.sql.fetch("""
            SELECT * FROM payment LEFT JOIN sandbox_charge ON idempotency_key = payment.id
            WHERE payment.captured <> coalesce(sandbox_charge.captured, 0)
               OR payment.refunded <> coalesce(sandbox_charge.refunded, 0)""")
        stayed = await tx.sql.fetch("SELECT order_id FROM payment WHERE status = 'succeeded' AND captured = amount")
    assert (unsettled, apart) == ([], [])
    kept = {order.order_id for number, order in enumerate(orders) if number % 3 == 0 and number % 5 in (0, 1)}
    assert {row["order_id"] for row in stayed} == kept


async def test_a_crash_between_charge_and_record_charges_once(shop: Shop) -> None:
    order = await shop.request()
    paying = shop.service.jobs[0]
    await paying.run()
    [crashed] = [resource for resource in shop.service.resources if hasattr(resource, "_calls") and resource._calls]
    await asyncio.gather(*crashed._calls)
    crashed._calls.clear()
    await shop.work()
    assert (await shop.payment(order))["status"] == "processing"
    await shop.rest(60)
    assert (await shop.payment(order))["status"] == "succeeded"
    charge = await shop.charge(order)
    assert (charge["captured"], charge["asked"]) == (250_000, 2)
    assert len(await shop.told(PaymentSucceeded, order)) == 1


async def test_what_a_clock_that_was_ahead_put_off_is_not_put_off(shop: Shop) -> None:
    paid = await shop.request("tok_ok")
    await shop.work()
    shop.clock.advance(AHEAD)
    unknown = await shop.request("tok_unknown")
    await shop.work()
    unasked = await shop.request("tok_ok")
    await shop.cancel(paid)
    shop.clock.advance(-AHEAD)
    await shop.work()
    assert (await shop.payment(unknown))["status"] == "succeeded"
    assert (await shop.payment(unasked))["status"] == "succeeded"
    assert (await shop.charge(paid))["refunded"] == (await shop.charge(paid))["captured"] > 0


async def test_two_workers_on_one_database_charge_each_payment_once(open_shop: OpenShop, shop: Shop) -> None:
    twin = await open_shop(database_url=shop.database.url)
    orders = [payment_requested() for _ in range(120)]
    await deliver(shop.service, *orders)
    await asyncio.gather(shop.work(), twin.work())
    books = await shop.row("SELECT count(*), sum(captured) AS taken, max(asked) AS asked FROM sandbox_charge")
    assert tuple(books) == (120, 120 * 250_000, 1)
    told = await shop.row("SELECT count(*), count(DISTINCT subject) FROM outbox")
    assert tuple(told) == (120, 120)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"provider": "stripe"}, "provider_not_offered"), ({"provider": "nobody"}, "provider_not_offered")],
)
async def test_a_provider_that_is_not_offered_fails_the_payment_at_once(
    shop: Shop, changes: dict[str, Any], code: str
) -> None:
    order = await shop.request(**changes)
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == code


async def test_the_sandbox_is_not_offered_in_production_unless_asked_for(open_shop: OpenShop) -> None:
    production = {
        "mode": "production",
        "amqp_url": "amqp://broker/",
        "issuer": "https://shop.example",
        "audience": "shop",
        "auth_url": "http://auth",
    }
    order = payment_requested()
    closed, opened = await open_shop(**production), await open_shop(**production, sandbox_payments=True)
    await deliver(closed.service, order)
    await deliver(opened.service, order)
    assert (await closed.payment(order))["status"] == "failed"
    assert (await opened.payment(order))["status"] == "pending"


async def test_an_order_of_nothing_is_paid_without_a_provider(shop: Shop) -> None:
    order = await shop.request(amount=Money.zero("TZS"))
    [succeeded] = await shop.told(PaymentSucceeded, order)
    assert succeeded.amount.amount == 0
    await shop.cancel(order)
    assert await shop.row("SELECT * FROM refund") is None


async def test_a_negative_amount_is_a_dead_letter_and_hurts_only_itself(shop: Shop) -> None:
    good, bad = payment_requested(), payment_requested(amount=Money(amount=-1, currency="TZS"))
    settlements = await deliver(shop.service, good, bad, may_fail=True)
    assert [type(each).__name__ for each in settlements] == ["Done", "Dead"]
    assert (await shop.payment(good))["status"] == "pending"


async def test_what_billing_says_is_caused_by_what_it_heard(shop: Shop) -> None:
    order = payment_requested()
    requested, cancelled = cloud_event_of(order), cloud_event_of(order_cancelled(order))
    await deliver(shop.service, requested)
    await shop.work()
    await deliver(shop.service, cancelled)
    await shop.work()
    async with shop.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT type, correlation_id, causation_id FROM outbox ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (PaymentSucceeded.type, requested.correlation_id, str(requested.id)),
        (PaymentRefunded.type, cancelled.correlation_id, str(cancelled.id)),
    ]


async def test_a_provider_that_hangs_is_cut_off_and_asked_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.providers.sandbox.SLOW_SECONDS", 30.0)
    shop = await open_shop(payment_timeout=0.2)
    order = await shop.request("tok_slow")
    await shop.work()
    assert (await shop.payment(order))["status"] == "unknown"
