"""What an order knows about its payment. Billing owns the payment; its events may arrive in any order."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID


class PaymentStatus(StrEnum):
    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


RANKS = {status: rank for rank, status in enumerate(PaymentStatus)}


@dataclass(frozen=True, slots=True)
class PaymentAction:
    """What the customer must do: `type` is redirect, qr or sandbox."""

    type: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """`method` is the provider's token. `id` is billing's, None before billing's first event."""

    provider: str
    method: str | None = None
    id: UUID | None = None
    status: PaymentStatus = PaymentStatus.PENDING
    action: PaymentAction | None = None

    def apply(self, payment_id: UUID | None, status: PaymentStatus, action: PaymentAction | None = None) -> "Payment":
        """The payment after an update; an update with an earlier status than the current one changes nothing."""
        if RANKS[status] < RANKS[self.status]:
            return self
        return replace(self, id=payment_id or self.id, status=status, action=action)

    def without_action(self) -> "Payment":
        """The customer need not, and must not, pay any more."""
        return replace(self, action=None)
