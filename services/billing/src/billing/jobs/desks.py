"""The two kinds of work that tellers carry to one provider: payments and refunds.

Each provider has desks of its own, so that one that hangs holds up nobody who pays through another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from billing.domain.outcomes import Outcome, RefundOutcome
from billing.domain.payment import Payment
from billing.providers.port import PaymentProvider, Refund
from billing.usecases.ask_provider import ask_about_payment, ask_for_refund
from billing.usecases.claim_payments import claim_payments
from billing.usecases.claim_refunds import claim_refunds
from billing.usecases.record_outcomes import record_outcomes
from billing.usecases.record_refunds import record_refunds
from common import clock
from common.persistence.transaction import Transaction

MARGIN = 5.0
"""Seconds that a claim outlasts the longest call, so that its outcome is recorded before anybody asks again."""


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """`timeout` in seconds bounds one call to the provider."""

    name: str
    provider: PaymentProvider
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[Payment]:
        return await claim_payments(tx, self.name, limit, timedelta(seconds=self.timeout + MARGIN), clock.now())

    async def ask(self, work: Payment) -> Outcome:
        return await ask_about_payment(self.provider, work, self.timeout)

    async def record(self, tx: Transaction, reports: Sequence[tuple[Payment, Outcome]]) -> None:
        await record_outcomes(tx, [(payment.id, outcome) for payment, outcome in reports], clock.now())


@dataclass(frozen=True, slots=True)
class RefundDesk:
    """`timeout` in seconds bounds one call to the provider."""

    name: str
    provider: PaymentProvider
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[Refund]:
        return await claim_refunds(tx, self.name, limit, timedelta(seconds=self.timeout + MARGIN), clock.now())

    async def ask(self, work: Refund) -> RefundOutcome:
        return await ask_for_refund(self.provider, work, self.timeout)

    async def record(self, tx: Transaction, reports: Sequence[tuple[Refund, RefundOutcome]]) -> None:
        await record_refunds(tx, [(refund.refund_id, outcome) for refund, outcome in reports], clock.now())
