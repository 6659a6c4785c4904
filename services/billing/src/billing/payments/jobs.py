"""Calls to payment providers about payments that are due."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from billing.payments.domain.outcomes import Outcome, Unknown
from billing.payments.domain.payment import Payment
from billing.payments.domain.provider import Charge, PaymentProvider
from billing.payments.store.payments import claim_payments
from billing.payments.usecases import record_outcomes
from billing.retries import lease_until
from common import clock
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentCalls:
    """The calls to one provider, for an OutboundWorker. `timeout` in seconds bounds each of them."""

    name: str
    provider: PaymentProvider
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[Payment]:
        now = clock.now()
        return await claim_payments(tx, self.name, limit, now, lease_until(self.timeout, now))

    async def call(self, items: Sequence[Payment]) -> list[Outcome]:
        return [await self._call(payment) for payment in items]

    async def record(self, tx: Transaction, results: Sequence[tuple[Payment, Outcome]]) -> None:
        await record_outcomes(tx, [(payment.id, outcome) for payment, outcome in results], clock.now())

    async def _call(self, payment: Payment) -> Outcome:
        """Any failure of the call makes the outcome unknown; the provider is called again later."""
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await self._charge_query_or_cancel(payment)
        except TimeoutError:
            outcome = Unknown("time-out")
        except Exception as error:
            log.exception("the call to %s about payment %s failed", self.name, payment.id)
            outcome = Unknown(repr(error))
        if isinstance(outcome, Unknown):
            log.warning("the outcome of payment %s at %s is unknown: %s", payment.id, self.name, outcome.reason)
        return outcome

    async def _charge_query_or_cancel(self, payment: Payment) -> Outcome:
        charge = Charge(
            payment_id=payment.id,
            order_id=payment.order_id,
            number=payment.number,
            amount=payment.amount,
            method=payment.method,
            reference=payment.reference,
            requested_at=payment.created_at,
        )
        if payment.cancel_requested:
            return await self.provider.cancel(charge)
        if payment.reference is None:
            return await self.provider.charge(charge)
        return await self.provider.query(charge)
