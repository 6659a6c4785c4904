"""Calls to payment providers about refunds that are due."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from billing.payments.domain.outcomes import RefundOutcome, RefundPending
from billing.payments.domain.provider import PaymentProvider, Refund
from billing.refunds.store import claim_refunds
from billing.refunds.usecases import record_refunds
from billing.retries import lease_until
from common import clock
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefundCalls:
    """The calls to one provider, for an OutboundWorker. `timeout` in seconds bounds each of them."""

    name: str
    provider: PaymentProvider
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[Refund]:
        now = clock.now()
        return await claim_refunds(tx, self.name, limit, now, lease_until(self.timeout, now))

    async def call(self, items: Sequence[Refund]) -> list[RefundOutcome]:
        return [await self._call(refund) for refund in items]

    async def record(self, tx: Transaction, results: Sequence[tuple[Refund, RefundOutcome]]) -> None:
        await record_refunds(tx, [(refund.refund_id, outcome) for refund, outcome in results], clock.now())

    async def _call(self, refund: Refund) -> RefundOutcome:
        """After any failure of the call the refund stays pending; the provider is called again later."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self.provider.refund(refund)
        except TimeoutError:
            return RefundPending("time-out")
        except Exception as error:
            log.exception("the call to %s about refund %s failed", self.name, refund.refund_id)
            return RefundPending(repr(error))
