"""The saga's events through the real inbox: in order, out of order, twice, and in batches."""

from collections.abc import Callable
from uuid import UUID

import pytest
from services.orders.tests.shop import (
    Json,
    Shop,
    action_required,
    failed,
    refunded,
    rejected,
    reserved,
    succeeded,
)

from common.contracts.catalog import ReservationExpired
from common.contracts.event import Event
from common.contracts.orders import OrderCancelled, OrderConfirmed, PaymentRequested
from common.ids import new_id
from common.money import Money
from common.testing import cloud_event_of, deliver, facts


def states(timeline: list[Json]) -> list[str]:
    return [step["status"] for step in timeline]


async def test_a_paid_order_is_confirmed_and_its_timeline_tells_how(shop: Shop) -> None:
    customer = shop.customer()
    order = await customer.order(await shop.product(), payment={"token": "tok_ok"})
    stock, money = cloud_event_of(reserved(order)), cloud_event_of(succeeded(order))
    await deliver(shop.service, stock)
    await deliver(shop.service, money)
    view = await customer.get(f"/orders/{order['id']}")
    assert (view["status"], view["payment"]["status"]) == ("confirmed", "succeeded")
    timeline = await customer.get(f"/orders/{order['id']}/timeline")
    assert [(step["status"], step["event"], step["actor"]) for step in timeline] == [
        ("pending", "orders.order.placed.v1", f"customer:{customer.id}"),
        ("reserved", "catalog.stock.reserved.v1", "catalog"),
        ("awaiting_payment", "orders.payment.requested.v1", "catalog"),
        ("confirmed", "billing.payment.succeeded.v1", "billing"),
    ]
    assert [step["cause"] for step in timeline[1:]] == [str(stock.id), str(stock.id), str(money.id)]


async def test_billing_is_asked_for_the_total_and_catalog_told_of_the_lines(shop: Shop) -> None:
    customer = shop.customer()
    order = await customer.order(await shop.product(700), payment={"token": "tok_slow"})
    await deliver(shop.service, reserved(order))
    await deliver(shop.service, succeeded(order))
    [asked], [confirmed] = await facts(shop.database, PaymentRequested), await facts(shop.database, OrderConfirmed)
    total = Money(amount=700, currency="TZS")
    assert (asked.amount, asked.provider, asked.payment_method) == (total, "sandbox", "tok_slow")
    assert (confirmed.total, confirmed.number, len(confirmed.lines)) == (total, order["number"], 1)
    assert confirmed.payment_id == succeeded(order).payment_id


async def test_what_an_event_causes_carries_its_correlation_and_its_id(shop: Shop) -> None:
    orders = [await shop.customer().order(await shop.product()) for _ in range(3)]
    causes = [cloud_event_of(reserved(order)) for order in orders]
    await deliver(shop.service, *causes)
    async with shop.database.begin() as tx:
        rows = await tx.sql.fetch(
            "SELECT subject, causation_id, correlation_id FROM outbox WHERE type = $1", PaymentRequested.type
        )
    assert {row["subject"]: (row["causation_id"], row["correlation_id"]) for row in rows} == {
        cause.subject: (str(cause.id), cause.correlation_id) for cause in causes
    }


@pytest.mark.parametrize("reason", ["out_of_stock", "unknown_product"])
async def test_an_order_without_stock_is_cancelled_for_catalogs_reason(shop: Shop, reason: str) -> None:
    order = await shop.customer().order(await shop.product())
    await deliver(shop.service, rejected(order, reason))
    assert await shop.status(order) == ("cancelled", reason)
    [cancelled] = await facts(shop.database, OrderCancelled)
    assert (cancelled.reason, str(cancelled.order_id)) == (reason, order["id"])
    assert await facts(shop.database, PaymentRequested) == []


async def test_a_declined_payment_cancels_the_order(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)
    await deliver(shop.service, failed(order))
    assert await shop.status(order) == ("cancelled", "payment_declined")
    assert (await shop.timeline(order))[-1]["detail"] == "card_declined: No funds"
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "failed"
    assert [cancelled.reason for cancelled in await facts(shop.database, OrderCancelled)] == ["payment_declined"]


async def test_a_required_action_is_shown_until_the_payment_is_made(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)
    await deliver(shop.service, action_required(order))
    payment = (await customer.get(f"/orders/{order['id']}"))["payment"]
    assert payment["action"] == {"type": "redirect", "url": "https://pay.example/1"}
    assert (payment["status"], await shop.status(order)) == ("action_required", ("awaiting_payment", None))
    await deliver(shop.service, succeeded(order))
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["action"] is None


async def test_an_expired_reservation_cancels_what_is_not_paid_and_nothing_else(shop: Shop) -> None:
    unpaid, paid = await shop.awaiting_payment(shop.customer()), await shop.confirmed(shop.customer())
    expiries = [ReservationExpired(order_id=UUID(order["id"])) for order in (unpaid, paid)]
    await deliver(shop.service, *expiries)
    assert await shop.status(unpaid) == ("cancelled", "reservation_expired")
    assert await shop.status(paid) == ("confirmed", None)


async def test_refunds_of_a_confirmed_order_change_its_state_as_they_add_up(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.confirmed(customer)
    for back, status in ((1, "partially_refunded"), (2, "partially_refunded"), (250_000, "refunded")):
        await deliver(shop.service, refunded(order, back))
        assert await shop.status(order) == (status, None)
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "refunded"


async def test_a_redelivered_event_has_one_effect(shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    stock, money = cloud_event_of(reserved(order)), cloud_event_of(succeeded(order))
    await deliver(shop.service, stock, stock)
    await deliver(shop.service, stock)
    await deliver(shop.service, money)
    await deliver(shop.service, money, stock)
    assert states(await shop.timeline(order)) == ["pending", "reserved", "awaiting_payment", "confirmed"]
    assert len(await facts(shop.database, PaymentRequested)) == 1
    assert len(await facts(shop.database, OrderConfirmed)) == 1


async def test_the_same_fact_told_twice_is_noted_and_has_one_effect(shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    await deliver(shop.service, reserved(order), reserved(order))
    await deliver(shop.service, succeeded(order), succeeded(order))
    timeline = await shop.timeline(order)
    confirmed = ["confirmed", "confirmed"]
    assert states(timeline) == ["pending", "reserved", "awaiting_payment", "awaiting_payment", *confirmed]
    assert timeline[-1]["detail"] == "the order stays confirmed"
    assert len(await facts(shop.database, PaymentRequested)) == 1
    assert len(await facts(shop.database, OrderConfirmed)) == 1


@pytest.mark.parametrize("late", [reserved, rejected, succeeded, failed, action_required])
async def test_nothing_that_comes_late_revives_a_cancelled_order(shop: Shop, late: Callable[[Json], Event]) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)
    assert (await customer.call("POST", f"/orders/{order['id']}/cancel")).status_code == 200
    requested = await facts(shop.database, PaymentRequested)
    await deliver(shop.service, late(order))
    assert await shop.status(order) == ("cancelled", "cancelled_by_customer")
    assert (await facts(shop.database, PaymentRequested), await facts(shop.database, OrderConfirmed)) == (requested, [])
    assert len(await facts(shop.database, OrderCancelled)) == 1
    assert (await shop.timeline(order))[-1]["detail"] != ""


async def test_money_captured_after_the_cancellation_is_noted_and_seen_to_go_back(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{order['id']}/cancel")
    await deliver(shop.service, succeeded(order))
    assert (await shop.timeline(order))[-1]["detail"] == "captured after the cancellation: billing pays it back"
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "succeeded"
    await deliver(shop.service, refunded(order, 250_000))
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "refunded"
    assert await shop.status(order) == ("cancelled", "cancelled_by_customer")


async def test_an_answer_that_overtakes_the_question_changes_nothing(shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    await deliver(shop.service, failed(order))
    assert await shop.status(order) == ("pending", None)
    await deliver(shop.service, reserved(order))
    assert await shop.status(order) == ("awaiting_payment", None)


async def test_a_batch_moves_each_order_by_its_own_state(shop: Shop) -> None:
    customer = shop.customer()
    waiting = [await shop.awaiting_payment(customer) for _ in range(3)]
    cancelled = await shop.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{cancelled['id']}/cancel")
    await deliver(shop.service, *(succeeded(order) for order in (waiting[0], cancelled, *waiting[1:])))
    assert [(await shop.status(order))[0] for order in waiting] == ["confirmed"] * 3
    assert await shop.status(cancelled) == ("cancelled", "cancelled_by_customer")
    assert {str(fact.order_id) for fact in await facts(shop.database, OrderConfirmed)} == {o["id"] for o in waiting}


async def test_an_event_about_an_unknown_order_harms_no_other(shop: Shop) -> None:
    order = await shop.awaiting_payment(shop.customer())
    stranger = order | {"id": str(new_id())}
    await deliver(shop.service, succeeded(stranger), succeeded(order))
    assert await shop.status(order) == ("confirmed", None)
