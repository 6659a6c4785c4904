"""The call to a provider that a payment needs next. No transaction is open meanwhile."""

import asyncio
import logging

from billing.domain.outcomes import Outcome, Unknown
from billing.domain.payment import Payment
from billing.providers.port import Charge, PaymentProvider

log = logging.getLogger(__name__)


async def ask_provider(provider: PaymentProvider | None, payment: Payment, seconds: float) -> Outcome:
    """Cancel, charge or ask what became of it. Whatever goes wrong, the outcome is unknown and is asked for again."""
    if provider is None:
        return Unknown(f"provider {payment.provider} is not configured any more")
    try:
        async with asyncio.timeout(seconds):
            return await _ask(provider, payment)
    except TimeoutError:
        return Unknown("time-out")
    except Exception as error:
        log.exception("asking %s about payment %s failed", payment.provider, payment.id)
        return Unknown(repr(error))


async def _ask(provider: PaymentProvider, payment: Payment) -> Outcome:
    charge = charge_of(payment)
    if payment.cancel_requested:
        return await provider.cancel(charge)
    return await (provider.charge(charge) if payment.reference is None else provider.query(charge))


def charge_of(payment: Payment) -> Charge:
    return Charge(
        payment_id=payment.id,
        order_id=payment.order_id,
        number=payment.number,
        amount=payment.amount,
        method=payment.method,
        reference=payment.reference,
        requested_at=payment.created_at,
    )
