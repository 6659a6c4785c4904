"""The saga's table, every pair of it."""

from itertools import product

import pytest

from orders.domain.saga import IN_CHECKOUT, Status, Trigger, walk

CHECKOUT_ENDS = {
    "reservation_expired": "cancelled",
    "customer_cancels": "cancelled",
    "staff_cancels": "cancelled",
    "deadline_passed": "cancelled",
}
GOES_BACK = {"refunded_in_part": "partially_refunded", "refunded_in_full": "refunded"}

ENDS_IN: dict[str, dict[str, str]] = {
    "pending": {"stock_reserved": "awaiting_payment", "stock_rejected": "cancelled"} | CHECKOUT_ENDS,
    "reserved": {"payment_requested": "awaiting_payment"} | CHECKOUT_ENDS,
    "awaiting_payment": {
        "payment_action_required": "awaiting_payment",
        "payment_succeeded": "confirmed",
        "payment_failed": "cancelled",
    }
    | CHECKOUT_ENDS,
    "confirmed": {"staff_cancels": "cancelled", "ship": "shipped"} | GOES_BACK,
    "shipped": {"deliver": "delivered"} | GOES_BACK,
    "delivered": GOES_BACK,
    "partially_refunded": {"ship": "shipped", "deliver": "delivered"} | GOES_BACK,
    "cancelled": {},
    "refunded": {},
}


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_state_answers_every_trigger_as_declared(status: Status, trigger: Trigger) -> None:
    steps = walk(status, trigger)
    assert (steps[-1].status if steps else None) == ENDS_IN[status].get(trigger)


def test_reserved_stock_leads_through_reserved_to_waiting_for_the_payment() -> None:
    assert [step.status for step in walk(Status.PENDING, Trigger.STOCK_RESERVED)] == ["reserved", "awaiting_payment"]


@pytest.mark.parametrize("status", sorted(IN_CHECKOUT))
def test_whatever_hangs_in_the_checkout_can_be_ended_by_the_clock(status: Status) -> None:
    assert walk(status, Trigger.DEADLINE_PASSED)[-1].status is Status.CANCELLED


@pytest.mark.parametrize(("status", "trigger"), list(product(Status, Trigger)))
def test_every_cancellation_has_a_reason_unless_catalog_brings_its_own(status: Status, trigger: Trigger) -> None:
    for step in walk(status, trigger):
        assert bool(step.reason) == (step.status is Status.CANCELLED and trigger is not Trigger.STOCK_REJECTED)
