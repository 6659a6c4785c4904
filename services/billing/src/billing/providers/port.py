"""What a payment provider must be able to do.

Every call is bounded by the caller's time-out, may be repeated at any time, and never raises for what the outside
world does: it answers Unknown (or RefundPending) instead. The payment's id is the idempotency key.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from billing.domain.outcomes import Outcome, RefundOutcome
from common.money import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """What to take from whom. `method` is the provider's token, `reference` its name for the charge once known."""

    payment_id: UUID
    order_id: UUID
    number: str
    amount: Money
    method: str | None
    reference: str | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """What to give back of which charge. `attempt` is 1 at the first call, `reference` known once accepted."""

    refund_id: UUID
    payment_id: UUID
    charge_reference: str
    amount: Money
    reference: str | None
    attempt: int


class PaymentProvider(Protocol):
    async def charge(self, charge: Charge) -> Outcome:
        """Take the money, or say what has become of it when this payment was sent before."""

    async def query(self, charge: Charge) -> Outcome:
        """What has become of a charge whose reference is known."""

    async def cancel(self, charge: Charge) -> Outcome:
        """End the charge so that it can never capture; Captured when that is too late."""

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back, or say what has become of it when this refund was sent before."""


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """A webhook about a charge; `payment_id` is ours, as far as the provider still knows it."""

    payment_id: UUID | None
    reference: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RefundReport:
    """A webhook about a refund; without `refund_id` somebody made it at the provider, not here."""

    refund_id: UUID | None
    charge_reference: str
    reference: str
    amount: Money
    outcome: RefundOutcome
