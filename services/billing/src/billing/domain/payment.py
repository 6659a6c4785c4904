"""The life of a payment: a state machine with ranks.

Reports from providers arrive late, twice and in any order. A report moves a payment only to a state of higher rank
(or between states where nothing is decided yet), so that the order of arrival does not matter. A capture outranks a
failure and a cancellation, because money that was taken is a fact whatever was said before: it is then given back.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from billing.domain.outcomes import ActionRequired, Cancelled, Captured, Declined, Outcome, Processing, Unknown
from billing.domain.pauses import pause_before
from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentSucceeded
from common.contracts.event import Event
from common.money import Money


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    ACTION_REQUIRED = "action_required"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


RANK = {
    Status.PENDING: 0,
    Status.PROCESSING: 1,
    Status.UNKNOWN: 1,
    Status.ACTION_REQUIRED: 2,
    Status.CANCELLED: 3,
    Status.FAILED: 3,
    Status.SUCCEEDED: 4,
    Status.PARTIALLY_REFUNDED: 5,
    Status.REFUNDED: 6,
}
OPEN = frozenset({Status.PENDING, Status.PROCESSING, Status.UNKNOWN, Status.ACTION_REQUIRED})


def moves(current: Status, to: Status) -> bool:
    """Whether a report may move a payment: upwards, or sideways while nothing is decided."""
    return RANK[to] > RANK[current] or (RANK[to] == RANK[current] and current in OPEN)


@dataclass(frozen=True, slots=True)
class Payment:
    """Amounts in minor units: `captured` was taken, `promised` will go back or went back, `refunded` went back.

    `attempts` counts the times that a provider was asked since the last change of mind.
    """

    id: UUID
    order_id: UUID
    customer_id: UUID
    number: str
    provider: str
    method: str | None
    amount: Money
    status: Status
    captured: int
    promised: int
    refunded: int
    reference: str | None
    failure_code: str | None
    failure_message: str | None
    action_type: str | None
    action_url: str | None
    cancel_requested: bool
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime

    @property
    def refundable(self) -> int:
        return self.captured - self.promised

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def promise(self, amount: int) -> "Payment":
        """Set `amount` aside to go back. The caller has made sure that it is refundable."""
        return replace(self, promised=self.promised + amount)

    def refund(self, amount: int) -> "Payment":
        """A promised refund was confirmed."""
        refunded = self.refunded + amount
        status = Status.REFUNDED if refunded == self.captured else Status.PARTIALLY_REFUNDED
        return replace(self, refunded=refunded, status=status)

    def break_promise(self, amount: int) -> "Payment":
        """A promised refund was refused."""
        return replace(self, promised=self.promised - amount)


@dataclass(frozen=True, slots=True)
class Change:
    """A payment after something happened, what to tell the others, and how much must go back by itself."""

    payment: Payment
    event: Event | None = None
    give_back: int = 0


def receive(payment: Payment, outcome: Outcome, now: datetime) -> Change:
    """Apply a provider's report."""
    to = _status_of(payment, outcome)
    reference = payment.reference or outcome.reference
    if not moves(payment.status, to):
        stays = replace(payment, reference=reference)
        return Change(_scheduled(stays, now) if stays.is_open else stays)
    moved = _scheduled(replace(payment, status=to, reference=reference), now)
    match outcome:
        case Captured():
            return _captured(moved, outcome)
        case Declined(code, message):
            return _failed(moved, code, message)
        case Cancelled() if not payment.cancel_requested:
            return _failed(moved, "cancelled_at_provider", "The payment was cancelled at the provider")
        case ActionRequired():
            return _action_required(payment, moved, outcome)
    return Change(moved)


def cancel(payment: Payment, now: datetime) -> Change:
    """The order ended without a sale: nothing may be captured any more, and what was goes back."""
    if payment.status is Status.PENDING:
        ended = replace(payment, status=Status.CANCELLED, cancel_requested=True, next_attempt_at=None)
        return Change(ended)
    asked = replace(payment, cancel_requested=True)
    if payment.is_open:
        return Change(replace(asked, attempts=0, next_attempt_at=now))
    return Change(asked.promise(asked.refundable), give_back=asked.refundable)


def refuse(payment: Payment, code: str, message: str) -> Change:
    """Fail a payment that no provider was asked for."""
    return _failed(replace(payment, status=Status.FAILED, next_attempt_at=None), code, message)


def settle_nothing(payment: Payment) -> Change:
    """A payment of nothing succeeds by itself."""
    settled = replace(payment, status=Status.SUCCEEDED, next_attempt_at=None)
    return Change(settled, _succeeded(settled, None))


def _status_of(payment: Payment, outcome: Outcome) -> Status:
    match outcome:
        case Captured():
            return Status.SUCCEEDED
        case Declined():
            return Status.FAILED
        case Cancelled():
            return Status.CANCELLED if payment.cancel_requested else Status.FAILED
        case ActionRequired():
            return Status.ACTION_REQUIRED
        case Processing():
            return Status.PROCESSING
        case Unknown():
            return Status.UNKNOWN


def _scheduled(payment: Payment, now: datetime) -> Payment:
    """When to ask the provider again: never once it is decided."""
    if not payment.is_open:
        return replace(payment, next_attempt_at=None)
    waiting_for_customer = payment.status is Status.ACTION_REQUIRED and not payment.cancel_requested
    return replace(payment, next_attempt_at=now + pause_before(payment.attempts, patient=waiting_for_customer))


def _captured(payment: Payment, outcome: Captured) -> Change:
    """Money was taken. Nobody waits for it any more when the order has ended or was told of a failure: give it back.

    ValueError when it is not what was asked for: no rule can say what that means, so it stays open and is reported.
    """
    if outcome.amount != payment.amount:
        raise ValueError(f"payment {payment.id} of {payment.amount} was captured as {outcome.amount}")
    unwanted = payment.cancel_requested or payment.failure_code is not None
    captured = replace(payment, captured=outcome.amount.amount, action_type=None, action_url=None)
    event = _succeeded(captured, outcome.reference)
    if unwanted:
        return Change(captured.promise(captured.refundable), event, captured.refundable)
    return Change(captured, event)


def _succeeded(payment: Payment, reference: str | None) -> PaymentSucceeded:
    return PaymentSucceeded(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=Money(amount=payment.captured, currency=payment.amount.currency),
        provider=payment.provider,
        reference=reference,
    )


def _failed(payment: Payment, code: str, message: str) -> Change:
    event = PaymentFailed(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=payment.amount,
        provider=payment.provider,
        code=code,
        message=message,
    )
    failed = replace(payment, failure_code=code, failure_message=message, action_type=None, action_url=None)
    return Change(failed, event)


def _action_required(before: Payment, payment: Payment, outcome: ActionRequired) -> Change:
    """Tell the customer once, however often the provider repeats it."""
    asked = replace(payment, action_type=outcome.type, action_url=outcome.url)
    if (before.status, before.action_type, before.action_url) == (asked.status, outcome.type, outcome.url):
        return Change(asked)
    event = PaymentActionRequired(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        provider=payment.provider,
        action_type=outcome.type,
        action_url=outcome.url,
    )
    return Change(asked, event)
