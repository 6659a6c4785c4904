"""What a payment provider must be able to do, and what its webhooks report.

Every call is bounded by the caller's timeout and may be repeated at any time. It raises nothing for failures of the
network or the provider: it returns Unknown (or RefundPending) instead. The payment's id is the idempotency key.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from billing.payments.domain.outcomes import Outcome, RefundOutcome
from common.money import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """`method` is the provider's token of the means of payment, `reference` its id of the charge once known."""

    payment_id: UUID
    order_id: UUID
    number: str
    amount: Money
    method: str | None
    reference: str | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """`attempt` is 1 at the first call; `reference` is known once the provider accepted the refund."""

    refund_id: UUID
    payment_id: UUID
    charge_reference: str
    amount: Money
    reference: str | None
    attempt: int


class PaymentProvider(Protocol):
    async def charge(self, charge: Charge) -> Outcome:
        """Take the money, or return the outcome of the earlier call for this payment."""

    async def query(self, charge: Charge) -> Outcome:
        """The current outcome of a charge whose reference is known."""

    async def cancel(self, charge: Charge) -> Outcome:
        """End the charge so that it can never be captured; Captured if it is too late."""

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Refund, or return the outcome of the earlier call for this refund."""


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """A webhook about a charge. `payment_id` is None if the provider's object carries none of our ids."""

    payment_id: UUID | None
    reference: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RefundReport:
    """A webhook about a refund. `refund_id` is None if the refund was made at the provider, not through us."""

    refund_id: UUID | None
    charge_reference: str
    reference: str
    amount: Money
    outcome: RefundOutcome


@dataclass(frozen=True, slots=True)
class ReportResult:
    """How a report was handled, and the payment that it is about."""

    result: Literal["applied", "ignored", "unmatched", "second_charge"]
    payment_id: UUID | None = None
