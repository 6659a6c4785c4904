"""The rules of refunds: never more than was captured and is not scheduled for refund already."""

from billing.errors import CurrencyMismatch, NothingToRefund, OverRefund
from billing.payments.domain.payment import Change, Payment
from common.contracts.billing import PaymentRefunded
from common.money import Money


def amount_to_refund(payment: Payment, amount: Money | None) -> int:
    """The requested amount in minor units; without one, all that is left.

    Raises NothingToRefund if nothing is left, OverRefund if less is left than requested, or CurrencyMismatch.
    """
    if payment.refundable == 0:
        raise NothingToRefund
    if amount is None:
        return payment.refundable
    if amount.currency != payment.amount.currency:
        raise CurrencyMismatch(f"This payment is in {payment.amount.currency}")
    if amount.amount > payment.refundable:
        raise OverRefund(f"At most {payment.refundable} can be refunded")
    return amount.amount


def complete_refund(payment: Payment, amount: int, reason: str) -> Change:
    """The provider confirmed a scheduled refund."""
    refunded = payment.complete_refund(amount)
    currency = payment.amount.currency
    event = PaymentRefunded(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=Money(amount=amount, currency=currency),
        refunded=Money(amount=refunded.refunded, currency=currency),
        captured=Money(amount=refunded.captured, currency=currency),
        reason=reason,
    )
    return Change(refunded, event)
