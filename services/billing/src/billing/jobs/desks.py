"""The two kinds of work that tellers carry: payments and refunds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from billing.domain.outcomes import Outcome, RefundOutcome
from billing.domain.payment import Payment
from billing.providers.port import PaymentProvider
from billing.usecases.ask_provider import ask_provider
from billing.usecases.ask_refund import ask_refund
from billing.usecases.claim_payments import claim_payments
from billing.usecases.claim_refunds import DueRefund, claim_refunds
from billing.usecases.record_outcomes import record_outcomes
from billing.usecases.record_refunds import record_refunds
from common import clock
from common.persistence.transaction import Transaction

MARGIN = 5.0
"""Seconds that a claim outlasts the longest call, so that its outcome is recorded before anybody asks again."""


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """`timeout` in seconds bounds one provider call."""

    providers: Mapping[str, PaymentProvider]
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[Payment]:
        return await claim_payments(tx, limit, timedelta(seconds=self.timeout + MARGIN), clock.now())

    async def ask(self, work: Payment) -> Outcome:
        return await ask_provider(self.providers.get(work.provider), work, self.timeout)

    async def record(self, tx: Transaction, reports: Sequence[tuple[Payment, Outcome]]) -> None:
        await record_outcomes(tx, [(payment.id, outcome) for payment, outcome in reports], clock.now())


@dataclass(frozen=True, slots=True)
class RefundDesk:
    """`timeout` in seconds bounds one provider call."""

    providers: Mapping[str, PaymentProvider]
    timeout: float

    async def claim(self, tx: Transaction, limit: int) -> list[DueRefund]:
        return await claim_refunds(tx, limit, timedelta(seconds=self.timeout + MARGIN), clock.now())

    async def ask(self, work: DueRefund) -> RefundOutcome:
        return await ask_refund(self.providers.get(work.provider), work, self.timeout)

    async def record(self, tx: Transaction, reports: Sequence[tuple[DueRefund, RefundOutcome]]) -> None:
        await record_refunds(tx, [(due.refund.refund_id, outcome) for due, outcome in reports], clock.now())
