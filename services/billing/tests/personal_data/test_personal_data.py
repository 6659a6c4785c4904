"""Export and erasure: of an erased person, amounts and references stay and texts are removed."""

import json
from typing import Any
from uuid import UUID

from services.billing.tests.harness import Harness, payment_requested

from billing.refunds.usecases import request_refund
from billing.webhooks.store import ProviderEvent, insert_event
from common.contracts.auth import UserErased
from common.contracts.billing import BillingDataGathered
from common.contracts.orders import PaymentRequested
from common.testing import deliver, exported_data


async def paid(harness: Harness) -> PaymentRequested:
    """A payment with a refund, about which Stripe sent an event."""
    order = await harness.request_payment()
    await harness.run_jobs()
    payment = await harness.payment(order)
    async with harness.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET provider = 'stripe' WHERE id = $1", payment["id"])
        await request_refund(tx, payment["id"], None, "Asha Juma called", harness.clock.now())
    await receive_event(harness, payment["reference"], "evt_1")
    return order


async def receive_event(harness: Harness, reference: str, event_id: str) -> None:
    """A webhook with the customer's e-mail address, as Stripe's have."""
    intent = {"id": reference, "status": "succeeded", "amount": 250_000, "currency": "tzs"}
    subject = intent | {"receipt_email": "asha@shop.test", "metadata": {}}
    content: dict[str, Any] = {"id": event_id, "type": "payment_intent.succeeded", "data": {"object": subject}}
    async with harness.database.begin() as tx:
        event = ProviderEvent("stripe", event_id, content["type"], json.dumps(content).encode())
        await insert_event(tx, event, harness.clock.now())
    await harness.job("billing.provider-events").run()


async def stored_events(harness: Harness) -> list[tuple[str, str]]:
    async with harness.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT payload, result FROM provider_event ORDER BY id")
    return [(bytes(row["payload"]).decode(), row["result"]) for row in rows]


async def test_an_export_contains_payments_refunds_and_provider_events(harness: Harness) -> None:
    order = await paid(harness)
    await harness.request_payment()
    exported = await exported_data(harness.service, order.customer_id, BillingDataGathered)
    [payment], [refund], [report] = exported["payments"], exported["refunds"], exported["provider_reports"]
    assert (payment["order_id"], payment["amount"], payment["captured"]) == (str(order.order_id), 250_000, 250_000)
    assert (refund["reason"], refund["amount"], refund["currency"]) == ("Asha Juma called", 250_000, "TZS")
    assert "asha@shop.test" in report["content"]
    other = await exported_data(harness.service, UUID(int=7), BillingDataGathered)
    assert other == {"payments": [], "refunds": [], "provider_reports": [], "cut": []}


async def test_erasure_keeps_amounts_and_removes_texts_also_of_later_events(harness: Harness) -> None:
    order = await paid(harness)
    await deliver(harness.service, UserErased(user_id=order.customer_id))
    exported = await exported_data(harness.service, order.customer_id, BillingDataGathered)
    assert (exported["payments"][0]["captured"], exported["payments"][0]["method"]) == (250_000, None)
    assert (exported["refunds"][0]["amount"], exported["refunds"][0]["reason"]) == (250_000, "")
    await receive_event(harness, exported["payments"][0]["reference"], "evt_2")
    assert await stored_events(harness) == [("{}", "applied"), ("{}", "applied")]


async def test_erasure_leaves_other_people_and_the_method_of_an_open_payment(harness: Harness) -> None:
    order = await paid(harness)
    open_order = payment_requested("tok_ok")
    await deliver(harness.service, open_order)
    await deliver(harness.service, UserErased(user_id=open_order.customer_id))
    assert (await harness.payment(open_order))["method"] == "tok_ok"
    await harness.run_jobs()
    assert (await harness.payment(open_order))["status"] == "succeeded"
    exported = await exported_data(harness.service, order.customer_id, BillingDataGathered)
    assert exported["refunds"][0]["reason"] == "Asha Juma called"
