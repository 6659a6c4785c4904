"""The saga's events through the real inbox: in order, out of order, twice, and in batches."""

from collections.abc import Callable
from uuid import UUID

import pytest
from services.orders.tests.harness import (
    Harness,
    Json,
    action_required,
    failed,
    payment_cancelled,
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


async def test_a_paid_order_is_confirmed_and_its_timeline_is_complete(harness: Harness) -> None:
    customer = harness.customer()
    order = await customer.order(await harness.product(), payment={"token": "tok_ok"})
    stock, money = cloud_event_of(reserved(order)), cloud_event_of(succeeded(order))
    await deliver(harness.service, stock)
    await deliver(harness.service, money)
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


async def test_the_events_of_a_checkout_carry_total_and_lines(harness: Harness) -> None:
    customer = harness.customer()
    order = await customer.order(await harness.product(700), payment={"token": "tok_slow"})
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, succeeded(order))
    [asked], [confirmed] = (
        await facts(harness.database, PaymentRequested),
        await facts(harness.database, OrderConfirmed),
    )
    total = Money(amount=700, currency="TZS")
    assert (asked.amount, asked.provider, asked.payment_method) == (total, "sandbox", "tok_slow")
    assert (confirmed.total, confirmed.number, len(confirmed.lines)) == (total, order["number"], 1)
    assert confirmed.payment_id == succeeded(order).payment_id


async def test_a_published_event_carries_correlation_and_causation_of_its_cause(harness: Harness) -> None:
    orders = [await harness.customer().order(await harness.product()) for _ in range(3)]
    causes = [cloud_event_of(reserved(order)) for order in orders]
    await deliver(harness.service, *causes)
    async with harness.database.begin() as tx:
        rows = await tx.sql.fetch(
            "SELECT subject, causation_id, correlation_id FROM outbox WHERE type = $1", PaymentRequested.type
        )
    assert {row["subject"]: (row["causation_id"], row["correlation_id"]) for row in rows} == {
        cause.subject: (str(cause.id), cause.correlation_id) for cause in causes
    }


@pytest.mark.parametrize("reason", ["out_of_stock", "unknown_product"])
async def test_an_order_without_stock_is_cancelled_with_catalogs_reason(harness: Harness, reason: str) -> None:
    order = await harness.customer().order(await harness.product())
    await deliver(harness.service, rejected(order, reason))
    assert await harness.status(order) == ("cancelled", reason)
    [cancelled] = await facts(harness.database, OrderCancelled)
    assert (cancelled.reason, str(cancelled.order_id)) == (reason, order["id"])
    assert await facts(harness.database, PaymentRequested) == []


async def test_a_declined_payment_cancels_the_order(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await deliver(harness.service, failed(order))
    assert await harness.status(order) == ("cancelled", "payment_declined")
    assert (await harness.timeline(order))[-1]["detail"] == "card_declined: No funds"
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "failed"
    assert [cancelled.reason for cancelled in await facts(harness.database, OrderCancelled)] == ["payment_declined"]


async def test_an_order_shows_a_required_action_until_it_is_paid(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await deliver(harness.service, action_required(order))
    payment = (await customer.get(f"/orders/{order['id']}"))["payment"]
    assert payment["action"] == {"type": "redirect", "url": "https://pay.example/1"}
    assert (payment["status"], await harness.status(order)) == ("action_required", ("awaiting_payment", None))
    await deliver(harness.service, succeeded(order))
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["action"] is None


async def test_an_expired_reservation_cancels_only_an_unpaid_order(harness: Harness) -> None:
    unpaid, paid = await harness.awaiting_payment(harness.customer()), await harness.confirmed(harness.customer())
    expiries = [ReservationExpired(order_id=UUID(order["id"])) for order in (unpaid, paid)]
    await deliver(harness.service, *expiries)
    assert await harness.status(unpaid) == ("cancelled", "reservation_expired")
    assert await harness.status(paid) == ("confirmed", None)


async def test_refunds_change_the_status_of_a_confirmed_order(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.confirmed(customer)
    for back, status in ((1, "partially_refunded"), (2, "partially_refunded"), (250_000, "refunded")):
        await deliver(harness.service, refunded(order, back))
        assert await harness.status(order) == (status, None)
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "refunded"


async def test_a_redelivered_event_has_one_effect(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    stock, money = cloud_event_of(reserved(order)), cloud_event_of(succeeded(order))
    await deliver(harness.service, stock, stock)
    await deliver(harness.service, stock)
    await deliver(harness.service, money)
    await deliver(harness.service, money, stock)
    assert states(await harness.timeline(order)) == ["pending", "reserved", "awaiting_payment", "confirmed"]
    assert len(await facts(harness.database, PaymentRequested)) == 1
    assert len(await facts(harness.database, OrderConfirmed)) == 1


async def test_a_repeated_event_is_in_the_timeline_and_has_one_effect(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    await deliver(harness.service, reserved(order), reserved(order))
    await deliver(harness.service, succeeded(order), succeeded(order))
    timeline = await harness.timeline(order)
    confirmed = ["confirmed", "confirmed"]
    assert states(timeline) == ["pending", "reserved", "awaiting_payment", "awaiting_payment", *confirmed]
    assert timeline[-1]["detail"] == "the order stays confirmed"
    assert len(await facts(harness.database, PaymentRequested)) == 1
    assert len(await facts(harness.database, OrderConfirmed)) == 1


@pytest.mark.parametrize("late", [reserved, rejected, succeeded, failed, payment_cancelled, action_required])
async def test_a_late_event_does_not_reopen_a_cancelled_order(harness: Harness, late: Callable[[Json], Event]) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    assert (await customer.call("POST", f"/orders/{order['id']}/cancel")).status_code == 200
    requested = await facts(harness.database, PaymentRequested)
    await deliver(harness.service, late(order))
    assert await harness.status(order) == ("cancelled", "cancelled_by_customer")
    assert (await facts(harness.database, PaymentRequested), await facts(harness.database, OrderConfirmed)) == (
        requested,
        [],
    )
    assert len(await facts(harness.database, OrderCancelled)) == 1
    assert (await harness.timeline(order))[-1]["detail"] != ""


async def payment_of(harness: Harness, order: Json) -> tuple[str, Json | None]:
    """Status and action."""
    payment = (await harness.staff().get(f"/orders/{order['id']}"))["payment"]
    return payment["status"], payment["action"]


async def test_an_order_that_never_requested_its_payment_ends_it_itself(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product()
    sold_out, withdrawn = await customer.order(kanga), await customer.order(kanga)
    await deliver(harness.service, rejected(sold_out))
    await customer.call("POST", f"/orders/{withdrawn['id']}/cancel")
    for order in (sold_out, withdrawn):
        assert await payment_of(harness, order) == ("cancelled", None)


async def test_a_cancelled_order_has_no_link_to_a_payment(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await deliver(harness.service, action_required(order))
    await customer.call("POST", f"/orders/{order['id']}/cancel")
    assert await payment_of(harness, order) == ("action_required", None)
    # The provider repeats its action, and billing cancels the payment.
    await deliver(harness.service, action_required(order))
    assert await payment_of(harness, order) == ("action_required", None)
    await deliver(harness.service, payment_cancelled(order))
    assert await payment_of(harness, order) == ("cancelled", None)
    timeline = await harness.timeline(order)
    assert (timeline[-1]["event"], timeline[-1]["detail"]) == (
        "billing.payment.cancelled.v1",
        "the order stays cancelled",
    )


@pytest.mark.parametrize(
    ("end", "status"), [(failed, "failed"), (payment_cancelled, "cancelled"), (succeeded, "succeeded")]
)
async def test_the_payment_of_a_cancelled_order_follows_billing_to_its_end(
    harness: Harness, end: Callable[[Json], Event], status: str
) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{order['id']}/cancel")
    assert await payment_of(harness, order) == ("pending", None)
    await deliver(harness.service, end(order))
    assert await payment_of(harness, order) == (status, None)
    # Money that was taken after all is a fact, and comes back in one or more refunds.
    await deliver(harness.service, succeeded(order))
    for back, refunded_status in ((1, "partially_refunded"), (250_000, "refunded")):
        await deliver(harness.service, refunded(order, back))
        assert await payment_of(harness, order) == (refunded_status, None)


async def test_a_payment_that_billing_never_opened_is_cancelled(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{order['id']}/cancel")
    never_opened = payment_cancelled(order).model_copy(update={"payment_id": None})
    await deliver(harness.service, never_opened)
    view = await customer.get(f"/orders/{order['id']}")
    assert (view["payment"]["id"], view["payment"]["status"]) == (None, "cancelled")


async def test_a_payment_after_the_cancellation_is_in_the_timeline_and_refunded(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{order['id']}/cancel")
    await deliver(harness.service, succeeded(order))
    assert (await harness.timeline(order))[-1]["detail"] == "captured after the cancellation: billing pays it back"
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "succeeded"
    await deliver(harness.service, refunded(order, 250_000))
    assert (await customer.get(f"/orders/{order['id']}"))["payment"]["status"] == "refunded"
    assert await harness.status(order) == ("cancelled", "cancelled_by_customer")


async def test_a_payment_event_before_its_request_changes_nothing(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    await deliver(harness.service, failed(order))
    assert await harness.status(order) == ("pending", None)
    await deliver(harness.service, reserved(order))
    assert await harness.status(order) == ("awaiting_payment", None)


async def test_a_batch_moves_each_order_by_its_own_status(harness: Harness) -> None:
    customer = harness.customer()
    unpaid = [await harness.awaiting_payment(customer) for _ in range(3)]
    cancelled = await harness.awaiting_payment(customer)
    await customer.call("POST", f"/orders/{cancelled['id']}/cancel")
    await deliver(harness.service, *(succeeded(order) for order in (unpaid[0], cancelled, *unpaid[1:])))
    assert [(await harness.status(order))[0] for order in unpaid] == ["confirmed"] * 3
    assert await harness.status(cancelled) == ("cancelled", "cancelled_by_customer")
    assert {str(fact.order_id) for fact in await facts(harness.database, OrderConfirmed)} == {o["id"] for o in unpaid}


async def test_an_event_about_an_unknown_order_does_not_affect_others(harness: Harness) -> None:
    order = await harness.awaiting_payment(harness.customer())
    unknown = order | {"id": str(new_id())}
    await deliver(harness.service, succeeded(unknown), succeeded(order))
    assert await harness.status(order) == ("confirmed", None)
