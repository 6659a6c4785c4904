"""The rules of giving money back: never more than was captured and is not promised already."""

from billing.domain.payment import Change, Payment
from common.contracts.billing import PaymentRefunded
from common.errors import Conflict, Invalid
from common.money import Money


def promise(payment: Payment, amount: Money | None) -> tuple[Payment, int]:
    """Set aside `amount`, or all that is left, to go back. The payment after it, and how much.

    Raises Conflict when nothing is left, Invalid when less is left than asked for or the currency is another.
    """
    if payment.refundable == 0:
        raise Conflict("Nothing of this payment can be refunded", code="nothing_to_refund")
    if amount is None:
        return payment.promise(payment.refundable), payment.refundable
    if amount.currency != payment.amount.currency:
        raise Invalid(
            f"This payment is in {payment.amount.currency}", code="currency_mismatch", field="amount.currency"
        )
    if amount.amount > payment.refundable:
        raise Invalid(f"At most {payment.refundable} can be refunded", code="over_refund", field="amount.amount")
    return payment.promise(amount.amount), amount.amount


def refunded(payment: Payment, amount: int, reason: str) -> Change:
    """A promised refund reached the customer."""
    after = payment.refund(amount)
    currency = payment.amount.currency
    event = PaymentRefunded(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=Money(amount=amount, currency=currency),
        refunded=Money(amount=after.refunded, currency=currency),
        captured=Money(amount=after.captured, currency=currency),
        reason=reason,
    )
    return Change(after, event)
