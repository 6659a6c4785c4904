"""What a provider can answer about a charge or a refund. Every provider translates its answers into these."""

from dataclasses import dataclass

from common.money import Money


@dataclass(frozen=True, slots=True)
class Captured:
    """The amount was taken. `reference` is the provider's id of the charge."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Declined:
    """Final: nothing was captured. `code` is for programs, `message` for the customer."""

    code: str
    message: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The customer must act at `url`: `type` is redirect, qr or sandbox."""

    reference: str
    type: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Processing:
    """The provider accepted the charge and will decide later."""

    reference: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Final: ended before anything was captured, and it can never be captured."""

    reference: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may or may not have had an effect: call again, with the same idempotency key."""

    reason: str
    reference: str | None = None


Outcome = Captured | Declined | ActionRequired | Processing | Cancelled | Unknown


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """The provider confirmed the refund."""

    reference: str


@dataclass(frozen=True, slots=True)
class RefundPending:
    """Accepted and not final yet, or unknown: call again."""

    reason: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """Final: the provider will not refund."""

    code: str
    message: str


RefundOutcome = RefundSucceeded | RefundPending | RefundFailed
