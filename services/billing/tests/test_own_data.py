"""People see what billing keeps about them; of erased ones amounts and references stay, and no words."""

import json
from typing import Any
from uuid import UUID

from services.billing.tests.shop import Shop, payment_requested

from billing.usecases.receive_provider_event import receive_provider_event
from billing.usecases.request_refund import request_refund
from common.contracts.auth import UserErased
from common.contracts.billing import BillingDataGathered
from common.contracts.orders import PaymentRequested
from common.testing import deliver, exported_data


async def paid(shop: Shop) -> PaymentRequested:
    """A payment that Stripe reported, whose customer then got something back."""
    order = await shop.request()
    await shop.work()
    payment = await shop.payment(order)
    async with shop.database.begin() as tx:
        await tx.sql.execute("UPDATE payment SET provider = 'stripe' WHERE id = $1", payment["id"])
        await request_refund(tx, payment["id"], None, "Asha Juma called", shop.clock.now())
    await reported(shop, payment["reference"], "evt_1")
    return order


async def reported(shop: Shop, reference: str, event_id: str) -> None:
    """A webhook that tells of the customer, as Stripe's do."""
    told = {"id": reference, "status": "succeeded", "amount": 250_000, "currency": "tzs"}
    about = told | {"receipt_email": "asha@shop.test", "metadata": {}}
    content: dict[str, Any] = {"id": event_id, "type": "payment_intent.succeeded", "data": {"object": about}}
    async with shop.database.begin() as tx:
        await receive_provider_event(
            tx,
            provider="stripe",
            external_id=event_id,
            event_type=content["type"],
            payload=json.dumps(content).encode(),
            now=shop.clock.now(),
        )
    [job] = [job for job in shop.service.jobs if job.name == "billing.provider-events"]
    await job.run()


async def reports(shop: Shop) -> list[tuple[str, str]]:
    async with shop.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT payload, result FROM provider_event ORDER BY id")
    return [(bytes(row["payload"]).decode(), row["result"]) for row in rows]


async def test_an_export_holds_payments_refunds_and_what_the_provider_told(shop: Shop) -> None:
    order = await paid(shop)
    await shop.request()
    kept = await exported_data(shop.service, order.customer_id, BillingDataGathered)
    [payment], [refund], [report] = kept["payments"], kept["refunds"], kept["provider_reports"]
    assert (payment["order_id"], payment["amount"], payment["captured"]) == (str(order.order_id), 250_000, 250_000)
    assert (refund["reason"], refund["amount"], refund["currency"]) == ("Asha Juma called", 250_000, "TZS")
    assert "asha@shop.test" in report["content"]
    stranger = await exported_data(shop.service, UUID(int=7), BillingDataGathered)
    assert stranger == {"payments": [], "refunds": [], "provider_reports": [], "cut": []}


async def test_of_an_erased_person_amounts_stay_and_words_go_also_those_that_come_later(shop: Shop) -> None:
    order = await paid(shop)
    await deliver(shop.service, UserErased(user_id=order.customer_id))
    kept = await exported_data(shop.service, order.customer_id, BillingDataGathered)
    assert (kept["payments"][0]["captured"], kept["payments"][0]["method"]) == (250_000, None)
    assert (kept["refunds"][0]["amount"], kept["refunds"][0]["reason"]) == (250_000, "")
    await reported(shop, kept["payments"][0]["reference"], "evt_2")
    assert await reports(shop) == [("{}", "applied"), ("{}", "applied")]


async def test_others_keep_their_words_and_a_payment_under_way_its_method(shop: Shop) -> None:
    order = await paid(shop)
    under_way = payment_requested("tok_ok")
    await deliver(shop.service, under_way)
    await deliver(shop.service, UserErased(user_id=under_way.customer_id))
    assert (await shop.payment(under_way))["method"] == "tok_ok"
    await shop.work()
    assert (await shop.payment(under_way))["status"] == "succeeded"
    kept = await exported_data(shop.service, order.customer_id, BillingDataGathered)
    assert kept["refunds"][0]["reason"] == "Asha Juma called"
