# ruff: noqa: N818 - an error reads better as what it is: `raise PaymentNotFound()`
"""Errors of billing, one class per code."""

from common.errors import Conflict, DukanError, Invalid, NotFound


class PaymentNotFound(NotFound):
    """There is no such payment."""


class SandboxDisabled(NotFound):
    """The sandbox provider is not enabled."""


class PaymentNotWaiting(Conflict):
    code = "payment_not_waiting"
    message = "This payment does not wait for its customer"


class NothingToRefund(Conflict):
    code = "nothing_to_refund"
    message = "Nothing of this payment can be refunded"


class CurrencyMismatch(Invalid):
    code, field = "currency_mismatch", "amount.currency"
    message = "The refund has another currency than the payment"


class OverRefund(Invalid):
    code, field = "over_refund", "amount.amount"
    message = "The refund exceeds what is left of the payment"


class AmountNotPayable(Invalid):
    """The provider cannot express the amount; customers see the code as the reason of a failed payment."""

    code = "amount_not_payable"
    message = "The provider cannot take this amount"


class StripeDisabled(NotFound):
    """Stripe is not configured."""


class InvalidSignature(DukanError):
    """The response gives no reason, so that a forger learns nothing."""

    status = 400
    code = "bad_signature"
    message = "The signature is not valid"


class MalformedEvent(Invalid):
    code = "malformed_event"
    message = "An event is a JSON object with id and type"
