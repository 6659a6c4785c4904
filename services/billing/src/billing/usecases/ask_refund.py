"""The call to a provider that a refund needs. No transaction is open meanwhile."""

import asyncio
import logging

from billing.domain.outcomes import RefundOutcome, RefundPending
from billing.providers.port import PaymentProvider
from billing.usecases.claim_refunds import DueRefund

log = logging.getLogger(__name__)


async def ask_refund(provider: PaymentProvider | None, due: DueRefund, seconds: float) -> RefundOutcome:
    """Give back, or ask what became of it. Whatever goes wrong, the refund stays due."""
    if provider is None:
        return RefundPending(f"provider {due.provider} is not configured any more")
    try:
        async with asyncio.timeout(seconds):
            return await provider.refund(due.refund)
    except TimeoutError:
        return RefundPending("time-out")
    except Exception as error:
        log.exception("asking %s for refund %s failed", due.provider, due.refund.refund_id)
        return RefundPending(repr(error))
