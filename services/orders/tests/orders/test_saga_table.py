"""Every pair of the saga's table."""

from itertools import product

import pytest

from orders.orders.domain.saga import IN_CHECKOUT, Status, Trigger, transition

CANCELLATIONS = {
    "reservation_expired": "cancelled",
    "customer_cancels": "cancelled",
    "staff_cancels": "cancelled",
    "deadline_passed": "cancelled",
}
REFUNDS = {"refunded_in_part": "partially_refunded", "refunded_in_full": "refunded"}

FINAL_STATUS: dict[str, dict[str, str]] = {
    "pending": {"stock_reserved": "awaiting_payment", "stock_rejected": "cancelled"} | CANCELLATIONS,
    "reserved": {"payment_requested": "awaiting_payment"} | CANCELLATIONS,
    "awaiting_payment": {
        "payment_action_required": "awaiting_payment",
        "payment_succeeded": "confirmed",
        "payment_failed": "cancelled",
    }
    | CANCELLATIONS,
    "confirmed": {"staff_cancels": "cancelled", "ship": "shipped"} | REFUNDS,
    "shipped": {"deliver": "delivered"} | REFUNDS,
    "delivered": REFUNDS,
    "partially_refunded": {"ship": "shipped", "deliver": "delivered"} | REFUNDS,
    "cancelled": {},
    "refunded": {},
}


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_pair_of_status_and_trigger_has_its_declared_result(status: Status, trigger: Trigger) -> None:
    steps = transition(status, trigger)
    assert (steps[-1].status if steps else None) == FINAL_STATUS[status].get(trigger)


def test_reserved_stock_leads_through_reserved_to_awaiting_payment() -> None:
    assert [step.status for step in transition(Status.PENDING, Trigger.STOCK_RESERVED)] == [
        "reserved",
        "awaiting_payment",
    ]


@pytest.mark.parametrize("status", sorted(IN_CHECKOUT))
def test_a_deadline_cancels_an_order_in_every_status_of_the_checkout(status: Status) -> None:
    assert transition(status, Trigger.DEADLINE_PASSED)[-1].status is Status.CANCELLED


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_cancellation_has_a_reason_unless_the_event_has_one(status: Status, trigger: Trigger) -> None:
    for step in transition(status, trigger):
        assert bool(step.reason) == (step.status is Status.CANCELLED and trigger is not Trigger.STOCK_REJECTED)
