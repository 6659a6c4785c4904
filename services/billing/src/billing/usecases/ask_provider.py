"""The call to a provider that a payment or a refund needs next. No transaction is open meanwhile."""

import asyncio
import logging

from billing.domain.outcomes import Outcome, RefundOutcome, RefundPending, Unknown
from billing.domain.payment import Payment
from billing.providers.port import Charge, PaymentProvider, Refund

log = logging.getLogger(__name__)


async def ask_about_payment(provider: PaymentProvider, payment: Payment, seconds: float) -> Outcome:
    """Cancel, charge or ask what became of it. Whatever goes wrong, the outcome is unknown and is asked for again."""
    try:
        async with asyncio.timeout(seconds):
            outcome = await _ask(provider, payment)
    except TimeoutError:
        outcome = Unknown("time-out")
    except Exception as error:
        log.exception("asking %s about payment %s failed", payment.provider, payment.id)
        outcome = Unknown(repr(error))
    if isinstance(outcome, Unknown):
        log.warning("payment %s at %s is unknown: %s", payment.id, payment.provider, outcome.reason)
    return outcome


async def ask_for_refund(provider: PaymentProvider, refund: Refund, seconds: float) -> RefundOutcome:
    """Give back, or ask what became of it. Whatever goes wrong, the refund stays due."""
    try:
        async with asyncio.timeout(seconds):
            return await provider.refund(refund)
    except TimeoutError:
        return RefundPending("time-out")
    except Exception as error:
        log.exception("asking for refund %s failed", refund.refund_id)
        return RefundPending(repr(error))


async def _ask(provider: PaymentProvider, payment: Payment) -> Outcome:
    charge = _charge_of(payment)
    if payment.cancel_requested:
        return await provider.cancel(charge)
    return await (provider.charge(charge) if payment.reference is None else provider.query(charge))


def _charge_of(payment: Payment) -> Charge:
    return Charge(
        payment_id=payment.id,
        order_id=payment.order_id,
        number=payment.number,
        amount=payment.amount,
        method=payment.method,
        reference=payment.reference,
        requested_at=payment.created_at,
    )
