"""Events of Stripe: signed, forged, replayed, duplicated, out of order."""

import hmac
import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from services.billing.tests.conftest import STRIPE_WEBHOOK_SECRET, OpenHarness
from services.billing.tests.fake_stripe import FakeStripe
from services.billing.tests.harness import Harness

from common.contracts.billing import PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.testing.plugin import ClientFor

PATH = "/api/v1/webhooks/stripe"


@pytest.fixture
def harness(stripe_harness: Harness) -> Harness:
    return stripe_harness


@pytest.fixture
async def processing(harness: Harness) -> PaymentRequested:
    """An order whose payment Stripe has not decided."""
    order = await harness.request_payment("pm_processing", provider="stripe")
    await harness.run_jobs()
    return order


def event(kind: str, subject: dict[str, Any], event_id: str | None = None) -> bytes:
    return json.dumps({"id": event_id or f"evt_{new_id()}", "type": kind, "data": {"object": subject}}).encode()


def signature(body: bytes, at: datetime, secret: str = STRIPE_WEBHOOK_SECRET) -> str:
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(secret.encode(), f'{seconds}.'.encode() + body, sha256).hexdigest()}"


async def post(client: httpx.AsyncClient, harness: Harness, body: bytes, header: str | None = None) -> httpx.Response:
    header = signature(body, harness.clock.now()) if header is None else header
    return await client.post(PATH, content=body, headers={"Stripe-Signature": header})


async def test_forged_and_old_events_get_an_error_without_detail_and_are_not_stored(
    harness: Harness, client: httpx.AsyncClient
) -> None:
    body = event("payment_intent.succeeded", {})
    now = harness.clock.now()
    for header in ("", signature(body, now, "whsec_other"), signature(body, now - timedelta(seconds=400))):
        response = await post(client, harness, body, header)
        assert (response.status_code, response.json()["code"]) == (400, "bad_signature")
    assert (await harness.fetch_row("SELECT count(*) FROM provider_event"))["count"] == 0


async def test_a_repeated_event_captures_a_payment_once(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    [intent] = stripe.intents.values()
    body = event("payment_intent.succeeded", stripe.capture(intent))
    for _ in range(3):
        assert (await post(client, harness, body)).status_code == 200
    await harness.run_jobs()
    assert (await post(client, harness, body)).status_code == 200
    await harness.run_jobs()
    assert (await harness.payment(processing))["status"] == "succeeded"
    assert len(await harness.events(PaymentSucceeded, processing)) == 1
    stored = await harness.fetch_row("SELECT count(*), max(attempts), max(result) FROM provider_event")
    assert tuple(stored) == (1, 1, "applied")


async def test_events_out_of_order_do_not_revert_a_capture(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    [intent] = stripe.intents.values()
    before = dict(intent)
    stripe.capture(intent)
    await post(client, harness, event("payment_intent.succeeded", intent))
    await post(client, harness, event("payment_intent.processing", before))
    await post(client, harness, event("payment_intent.payment_failed", before | {"status": "requires_payment_method"}))
    await harness.run_jobs()
    assert (await harness.payment(processing))["status"] == "succeeded"
    assert await harness.events(PaymentFailed, processing) == []


async def test_a_charge_with_an_unknown_reference_is_matched_by_its_metadata(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await harness.request_payment("pm_lost", provider="stripe")
    await harness.run_jobs()
    async with harness.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET reference = NULL")
    [intent] = stripe.intents.values()
    await post(client, harness, event("payment_intent.succeeded", intent))
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert (payment["status"], payment["reference"]) == ("succeeded", intent["id"])


async def test_a_capture_reported_after_the_cancellation_is_refunded(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    await harness.cancel_order(processing)
    await harness.run_jobs()
    [intent] = stripe.intents.values()
    await post(client, harness, event("payment_intent.succeeded", stripe.capture(intent)))
    await harness.run_jobs()
    assert (await harness.payment(processing))["status"] == "refunded"
    assert stripe.refunded == 250_000


async def test_a_refund_made_at_stripe_is_recorded_once(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await harness.request_payment("pm_ok", provider="stripe")
    await harness.run_jobs()
    [intent] = stripe.intents.values()
    made = stripe._refund({"payment_intent": intent["id"], "amount": "50000"})
    await post(client, harness, event("refund.created", made))
    await post(client, harness, event("refund.updated", made))
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "partially_refunded"
    [refunded] = await harness.events(PaymentRefunded, order)
    assert (refunded.refunded.amount, refunded.reason) == (50_000, "refunded_at_provider")
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert stripe.refunded == 250_000


async def test_our_own_refund_reported_by_webhook_is_not_counted_twice(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await harness.request_payment("pm_ok", provider="stripe")
    await harness.run_jobs()
    await harness.cancel_order(order)
    await harness.run_jobs()
    [made] = stripe.refunds.values()
    await post(client, harness, event("refund.updated", made))
    await harness.run_jobs()
    assert (await harness.payment(order))["refunded"] == 250_000
    assert len(await harness.events(PaymentRefunded, order)) == 1


async def test_events_about_unknown_charges_and_of_other_types_are_stored_without_effect(
    harness: Harness, client: httpx.AsyncClient, processing: PaymentRequested
) -> None:
    unknown = {"id": "pi_else", "status": "succeeded", "amount": 5, "currency": "usd", "metadata": {"payment_id": "x"}}
    await post(client, harness, event("payment_intent.succeeded", unknown))
    await post(client, harness, event("customer.created", {"id": "cus_1"}))
    await harness.run_jobs()
    async with harness.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT result FROM provider_event ORDER BY id")
    assert [row["result"] for row in rows] == ["unmatched", "ignored"]
    assert (await harness.payment(processing))["status"] == "processing"


async def test_a_second_charge_for_a_payment_is_reported_and_not_applied(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    [intent] = stripe.intents.values()
    second = dict(stripe.capture(dict(intent))) | {"id": "pi_second"}
    await post(client, harness, event("payment_intent.succeeded", second))
    await harness.run_jobs()
    assert (await harness.fetch_row("SELECT result FROM provider_event"))["result"] == "second_charge"
    assert (await harness.payment(processing))["status"] == "processing"


async def test_an_event_that_cannot_be_parsed_is_tried_again_a_limited_number_of_times(
    harness: Harness, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    await post(client, harness, event("payment_intent.succeeded", {"no": "id"}))
    [intent] = stripe.intents.values()
    await post(client, harness, event("payment_intent.succeeded", stripe.capture(intent)))
    await harness.run_jobs()
    assert (await harness.payment(processing))["status"] == "succeeded"
    for _ in range(10):
        await harness.run_jobs_after()
    broken = await harness.fetch_row("SELECT * FROM provider_event ORDER BY id LIMIT 1")
    assert (broken["attempts"], broken["next_attempt_at"]) == (8, None)
    assert broken["result"].startswith("failed: KeyError")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1, "type": "x"}'])
async def test_a_signed_body_that_is_not_an_event_is_malformed(
    harness: Harness, client: httpx.AsyncClient, body: bytes
) -> None:
    response = await post(client, harness, body)
    assert (response.status_code, response.json()["code"]) == (422, "malformed_event")


async def test_the_webhook_is_not_found_unless_stripe_is_configured(
    open_harness: OpenHarness, client_for: ClientFor
) -> None:
    client = await client_for((await open_harness()).service)
    assert (await client.post(PATH, content=b"{}")).status_code == 404
