"""The rules of refunds, without a database."""

from datetime import UTC, datetime

import pytest

from billing.errors import CurrencyMismatch, NothingToRefund, OverRefund
from billing.payments.domain.payment import Payment
from billing.payments.domain.status import Status
from billing.refunds.domain import amount_to_refund, complete_refund
from common.ids import new_id
from common.money import Money

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def captured() -> Payment:
    return Payment(
        id=new_id(),
        order_id=new_id(),
        customer_id=new_id(),
        number="DK-1",
        provider="sandbox",
        method=None,
        amount=Money(amount=1_000, currency="TZS"),
        status=Status.SUCCEEDED,
        captured=1_000,
        next_attempt_at=None,
        created_at=NOW,
    )


def test_partial_refunds_never_exceed_the_capture(captured: Payment) -> None:
    assert amount_to_refund(captured, Money(amount=700, currency="TZS")) == 700
    partial = captured.schedule_refund(700)
    with pytest.raises(OverRefund, match="At most 300"):
        amount_to_refund(partial, Money(amount=301, currency="TZS"))
    assert amount_to_refund(partial, None) == 300
    with pytest.raises(NothingToRefund):
        amount_to_refund(partial.schedule_refund(300), None)


def test_a_payment_is_refunded_when_its_last_refund_is_confirmed(captured: Payment) -> None:
    partial = complete_refund(captured.schedule_refund(1_000), 700, "broken").payment
    assert partial.status is Status.PARTIALLY_REFUNDED
    assert complete_refund(partial, 300, "late").payment.status is Status.REFUNDED


def test_a_failed_refund_frees_its_amount(captured: Payment) -> None:
    assert captured.schedule_refund(700).cancel_refund(700).refundable == 1_000


def test_a_refund_has_the_currency_of_its_payment(captured: Payment) -> None:
    with pytest.raises(CurrencyMismatch) as raised:
        amount_to_refund(captured, Money(amount=1, currency="KES"))
    assert raised.value.field == "amount.currency"
