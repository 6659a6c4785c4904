"""What a provider can say about a charge or a refund. Adapters translate into these; nothing else leaves them."""

from dataclasses import dataclass

from common.money import Money


@dataclass(frozen=True, slots=True)
class Captured:
    """The money is ours. `reference` is the provider's own name for the charge."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Declined:
    """Refused for good, nothing captured. `code` is for programs, `message` for the customer."""

    code: str
    message: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The customer must act: `type` is redirect, qr or sandbox, `url` says where."""

    reference: str
    type: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Processing:
    """The provider has it and will know later."""

    reference: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended before anything was captured; it can never be captured any more."""

    reference: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether it happened: ask again, with the same idempotency key."""

    reason: str
    reference: str | None = None


Outcome = Captured | Declined | ActionRequired | Processing | Cancelled | Unknown


@dataclass(frozen=True, slots=True)
class Refunded:
    """The provider confirmed that the money goes back."""

    reference: str


@dataclass(frozen=True, slots=True)
class RefundPending:
    """Accepted and not done yet, or nobody can say: ask again."""

    reason: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """Will not happen."""

    code: str
    message: str


RefundOutcome = Refunded | RefundPending | RefundRefused
