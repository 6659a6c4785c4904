"""The payment of an order: updates in any order of arrival."""

from itertools import permutations

import pytest

from common.ids import new_id
from orders.orders.domain.payment import Payment, PaymentAction, PaymentStatus

PAYMENT_ID = new_id()


@pytest.mark.parametrize(
    "statuses", list(permutations(("action_required", "succeeded", "partially_refunded", "refunded")))
)
def test_the_latest_status_wins_in_any_order_of_arrival(statuses: tuple[str, ...]) -> None:
    payment = Payment(provider="sandbox")
    for status in statuses:
        payment = payment.apply(PAYMENT_ID, PaymentStatus(status))
    assert (payment.id, payment.status) == (PAYMENT_ID, "refunded")


def test_a_later_status_clears_the_action() -> None:
    asked = Payment("sandbox").apply(PAYMENT_ID, PaymentStatus.ACTION_REQUIRED, PaymentAction("qr", "https://pay"))
    assert asked.action == PaymentAction("qr", "https://pay")
    assert asked.apply(PAYMENT_ID, PaymentStatus.SUCCEEDED).action is None
