"""What an order knows of its payment, whatever order the news come in."""

from itertools import permutations

import pytest

from common.ids import new_id
from orders.domain.payment import Payment, PaymentAction, PaymentStatus

PAYMENT_ID = new_id()


@pytest.mark.parametrize("news", list(permutations(("action_required", "succeeded", "partially_refunded", "refunded"))))
def test_the_latest_stage_wins_in_whatever_order_the_news_come(news: tuple[str, ...]) -> None:
    payment = Payment(provider="sandbox")
    for status in news:
        payment = payment.heard(PAYMENT_ID, PaymentStatus(status))
    assert (payment.id, payment.status) == (PAYMENT_ID, "refunded")


def test_an_action_is_forgotten_once_the_payment_went_on() -> None:
    asked = Payment("sandbox").heard(PAYMENT_ID, PaymentStatus.ACTION_REQUIRED, PaymentAction("qr", "https://pay"))
    assert asked.action == PaymentAction("qr", "https://pay")
    assert asked.heard(PAYMENT_ID, PaymentStatus.SUCCEEDED).action is None
