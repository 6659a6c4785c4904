"""What Stripe tells: signed, forged, replayed, duplicated, out of order."""

import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from services.billing.tests.conftest import OpenShop
from services.billing.tests.fake_stripe import FakeStripe, fake_stripe
from services.billing.tests.shop import Shop

from billing.providers.stripe_signature import is_signed
from common.contracts.billing import PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.orders import PaymentRequested
from common.ids import new_id
from common.testing.plugin import ClientFor

SECRET = "whsec_test"
PATH = "/api/v1/webhooks/stripe"


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with fake_stripe() as fake:
        yield fake


@pytest.fixture
async def shop(open_shop: OpenShop, stripe: FakeStripe) -> Shop:
    return await open_shop(
        stripe_secret_key="sk_test_key",
        stripe_webhook_secret=SECRET,
        stripe_url=stripe.url,
        stripe_return_url="https://shop.example/back",
    )


@pytest.fixture
async def client(shop: Shop, client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(shop.service)


@pytest.fixture
async def processing(shop: Shop) -> PaymentRequested:
    """An order whose payment Stripe is still working on."""
    order = await shop.request("pm_processing", provider="stripe")
    await shop.work()
    return order


def event(kind: str, told: dict[str, Any], event_id: str | None = None) -> bytes:
    return json.dumps({"id": event_id or f"evt_{new_id()}", "type": kind, "data": {"object": told}}).encode()


def signature(body: bytes, at: datetime, secret: str = SECRET) -> str:
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(secret.encode(), f'{seconds}.'.encode() + body, sha256).hexdigest()}"


async def post(client: httpx.AsyncClient, shop: Shop, body: bytes, header: str | None = None) -> httpx.Response:
    signed = signature(body, shop.clock.now()) if header is None else header
    return await client.post(PATH, content=body, headers={"Stripe-Signature": signed})


def test_the_published_vector_verifies() -> None:
    at = datetime.fromtimestamp(1_767_225_600, UTC)
    good = "45b40331de0325606dc5400202ade162460fbe48daf9401adfdcd0d7b4f35470"
    body = b'{"id":"evt_1"}'
    assert is_signed(body, f"t=1767225600,v1={good}", SECRET, at)
    assert is_signed(body, f"t=1767225600,v1={'0' * 64},v1={good},v0=old", SECRET, at)
    assert is_signed(body, f"t=1767225600,v1={good}", SECRET, at + timedelta(seconds=300))
    assert not is_signed(body, f"t=1767225600,v1={good}", SECRET, at + timedelta(seconds=301))
    assert not is_signed(body, f"t=1767225600,v1={good}", SECRET, at - timedelta(seconds=301))
    assert not is_signed(body + b" ", f"t=1767225600,v1={good}", SECRET, at)


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=aa", "t=x,v1=aa", "t=1,t=2,v1=aa", "t=²,v1=é", "t=,v1=", "=,=" * 500]
)
def test_a_malformed_signature_is_refused_quietly(header: str) -> None:
    assert not is_signed(b"{}", header, SECRET, datetime.fromtimestamp(1, UTC))


async def test_forged_and_old_events_are_refused_without_detail_and_leave_nothing(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    body = event("payment_intent.succeeded", {})
    now = shop.clock.now()
    for header in ("", signature(body, now, "whsec_other"), signature(body, now - timedelta(seconds=400))):
        answer = await post(client, shop, body, header)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert (await shop.row("SELECT count(*) FROM provider_event"))["count"] == 0


async def test_a_webhook_captures_a_payment_once_however_often_it_comes(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    [intent] = stripe.intents.values()
    body = event("payment_intent.succeeded", stripe.capture(intent))
    for _ in range(3):
        assert (await post(client, shop, body)).status_code == 200
    await shop.work()
    assert (await post(client, shop, body)).status_code == 200
    await shop.work()
    assert (await shop.payment(processing))["status"] == "succeeded"
    assert len(await shop.told(PaymentSucceeded, processing)) == 1
    kept = await shop.row("SELECT count(*), max(attempts) AS attempts, max(result) AS result FROM provider_event")
    assert tuple(kept) == (1, 1, "applied")


async def test_webhooks_out_of_order_do_not_undo_a_capture(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    [intent] = stripe.intents.values()
    before = dict(intent)
    stripe.capture(intent)
    await post(client, shop, event("payment_intent.succeeded", intent))
    await post(client, shop, event("payment_intent.processing", before))
    await post(client, shop, event("payment_intent.payment_failed", before | {"status": "requires_payment_method"}))
    await shop.work()
    assert (await shop.payment(processing))["status"] == "succeeded"
    assert await shop.told(PaymentFailed, processing) == []


async def test_a_charge_known_only_from_a_webhook_is_matched_by_its_metadata(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await shop.request("pm_lost", provider="stripe")
    await shop.work()
    async with shop.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET reference = NULL")
    [intent] = stripe.intents.values()
    await post(client, shop, event("payment_intent.succeeded", intent))
    await shop.work()
    payment = await shop.payment(order)
    assert (payment["status"], payment["reference"]) == ("succeeded", intent["id"])


async def test_a_capture_told_after_the_cancellation_goes_back(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    await shop.cancel(processing)
    await shop.work()
    [intent] = stripe.intents.values()
    await post(client, shop, event("payment_intent.succeeded", stripe.capture(intent)))
    await shop.work()
    assert (await shop.payment(processing))["status"] == "refunded"
    assert stripe.refunded == 250_000


async def test_a_refund_made_at_stripe_enters_our_books_once(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await shop.request("pm_ok", provider="stripe")
    await shop.work()
    [intent] = stripe.intents.values()
    made = stripe._refund({"payment_intent": intent["id"], "amount": "50000"})
    await post(client, shop, event("refund.created", made))
    await post(client, shop, event("refund.updated", made))
    await shop.work()
    assert (await shop.payment(order))["status"] == "partially_refunded"
    [refunded] = await shop.told(PaymentRefunded, order)
    assert (refunded.refunded.amount, refunded.reason) == (50_000, "refunded_at_provider")
    await shop.cancel(order)
    await shop.work()
    assert stripe.refunded == 250_000


async def test_our_own_refund_told_by_webhook_is_not_counted_twice(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe
) -> None:
    order = await shop.request("pm_ok", provider="stripe")
    await shop.work()
    await shop.cancel(order)
    await shop.work()
    [made] = stripe.refunds.values()
    await post(client, shop, event("refund.updated", made))
    await shop.work()
    assert (await shop.payment(order))["refunded"] == 250_000
    assert len(await shop.told(PaymentRefunded, order)) == 1


async def test_events_about_strangers_and_of_other_kinds_are_kept_and_harmless(
    shop: Shop, client: httpx.AsyncClient, processing: PaymentRequested
) -> None:
    stranger = {"id": "pi_else", "status": "succeeded", "amount": 5, "currency": "usd", "metadata": {"payment_id": "x"}}
    await post(client, shop, event("payment_intent.succeeded", stranger))
    await post(client, shop, event("customer.created", {"id": "cus_1"}))
    await shop.work()
    async with shop.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT result FROM provider_event ORDER BY id")
    assert [row["result"] for row in rows] == ["unmatched", "ignored"]
    assert (await shop.payment(processing))["status"] == "processing"


async def test_an_event_that_cannot_be_read_is_tried_again_and_given_up(
    shop: Shop, client: httpx.AsyncClient, stripe: FakeStripe, processing: PaymentRequested
) -> None:
    await post(client, shop, event("payment_intent.succeeded", {"no": "id"}))
    [intent] = stripe.intents.values()
    await post(client, shop, event("payment_intent.succeeded", stripe.capture(intent)))
    await shop.work()
    assert (await shop.payment(processing))["status"] == "succeeded"
    for _ in range(10):
        await shop.rest()
    broken = await shop.row("SELECT * FROM provider_event ORDER BY id LIMIT 1")
    assert (broken["attempts"], broken["next_attempt_at"]) == (8, None)
    assert broken["result"].startswith("failed: KeyError")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1, "type": "x"}', b"\xff"])
async def test_a_signed_body_that_is_no_event_is_named_so(shop: Shop, client: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(client, shop, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_event")


async def test_without_stripe_there_is_no_webhook(open_shop: OpenShop, client_for: ClientFor) -> None:
    client = await client_for((await open_shop()).service)
    assert (await client.post(PATH, content=b"{}")).status_code == 404
