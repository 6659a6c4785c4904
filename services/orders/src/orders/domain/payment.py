"""What an order knows of its payment. Billing owns the money; this is what it last told, in whatever order it came."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID


class PaymentStatus(StrEnum):
    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
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
    """`method` is the provider's token, `id` billing's, known once billing has spoken."""

    provider: str
    method: str | None = None
    id: UUID | None = None
    status: PaymentStatus = PaymentStatus.PENDING
    action: PaymentAction | None = None

    def heard(self, payment_id: UUID, status: PaymentStatus, action: PaymentAction | None = None) -> "Payment":
        """The payment after news of it; news of an earlier stage than the one known change nothing."""
        if RANKS[status] < RANKS[self.status]:
            return self
        return replace(self, id=payment_id, status=status, action=action)
