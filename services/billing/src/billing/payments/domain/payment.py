"""The life of a payment: a state machine with ranks.

Outcomes arrive from providers late, twice and in any order. An outcome moves a payment only to a state of higher rank
(or between open states of one rank), so the order of arrival does not matter. A capture outranks a failure and a
cancellation, because money that was taken is a fact: it is then refunded automatically.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from billing.payments.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    Unknown,
)
from billing.payments.domain.status import OPEN, Status, can_move
from common.contracts.billing import PaymentActionRequired, PaymentCancelled, PaymentFailed, PaymentSucceeded
from common.contracts.event import Event
from common.errors import Permanent
from common.money import Money

MIN_CUSTOMER_SECONDS = 30
"""At least so long between queries while the customer must act: the webhook is the normal way to learn of it."""

Pause = Callable[[int], float]
"""Seconds until the next call, by the number of attempts so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Amounts in minor units: `promised` is scheduled for refund or refunded, `refunded` is the confirmed part of it.

    `attempts` counts the calls to the provider since the payment was requested or its cancellation was.
    """

    id: UUID
    order_id: UUID
    customer_id: UUID
    number: str
    provider: str
    method: str | None
    amount: Money
    status: Status
    captured: int = 0
    promised: int = 0
    refunded: int = 0
    reference: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    action_type: str | None = None
    action_url: str | None = None
    cancel_requested: bool = False
    attempts: int = 0
    next_attempt_at: datetime | None
    created_at: datetime

    @property
    def refundable(self) -> int:
        return self.captured - self.promised

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def schedule_refund(self, amount: int) -> "Payment":
        """Set `amount` aside for a refund. The caller ensures that it is refundable."""
        return replace(self, promised=self.promised + amount)

    def complete_refund(self, amount: int) -> "Payment":
        """The provider confirmed a scheduled refund."""
        refunded = self.refunded + amount
        status = Status.REFUNDED if refunded == self.captured else Status.PARTIALLY_REFUNDED
        return replace(self, refunded=refunded, status=status)

    def cancel_refund(self, amount: int) -> "Payment":
        """A scheduled refund failed: its amount is refundable again."""
        return replace(self, promised=self.promised - amount)


@dataclass(frozen=True, slots=True)
class Change:
    """A payment after a change, the event to publish, and the amount to refund automatically."""

    payment: Payment
    event: Event | None = None
    refund_amount: int = 0


@dataclass(frozen=True, slots=True)
class PendingRefund:
    """`cause` is unique within the payment: `compensation` once, `staff:<id>` per request, …"""

    refund_id: UUID
    payment_id: UUID
    cause: str
    amount: int
    reason: str


def open_payment(
    payment_id: UUID,
    *,
    order_id: UUID,
    customer_id: UUID,
    number: str,
    provider: str,
    method: str | None,
    amount: Money,
    enabled_providers: Collection[str],
    now: datetime,
) -> Change:
    """A payment that is due at once; already final if no provider is needed or the provider is not enabled.

    Raises Permanent for a negative amount: no provider could take it.
    """
    if amount.amount < 0:
        raise Permanent(f"order {number} asks for a negative payment of {amount.amount} {amount.currency}")
    payment = Payment(
        id=payment_id,
        order_id=order_id,
        customer_id=customer_id,
        number=number,
        provider=provider,
        method=method,
        amount=amount,
        status=Status.PENDING,
        next_attempt_at=now,
        created_at=now,
    )
    if provider not in enabled_providers:
        failed = replace(payment, status=Status.FAILED, next_attempt_at=None)
        return _failed(failed, "provider_not_offered", f"Payments through {provider} are not enabled")
    if amount.amount == 0:
        succeeded = replace(payment, status=Status.SUCCEEDED, next_attempt_at=None)
        return Change(succeeded, _succeeded(succeeded, None))
    return Change(payment)


def apply_outcome(payment: Payment, outcome: Outcome, now: datetime, pause: Pause) -> Change:
    """The payment after a provider's outcome."""
    to = _status_of(payment, outcome)
    reference = payment.reference or outcome.reference
    if not can_move(payment.status, to):
        same = replace(payment, reference=reference)
        return Change(_scheduled(same, now, pause) if same.is_open else same)
    return _moved(payment, _scheduled(replace(payment, status=to, reference=reference), now, pause), outcome)


def _moved(payment: Payment, moved: Payment, outcome: Outcome) -> Change:
    """What follows from an outcome that moved the payment."""
    match outcome:
        case Captured():
            return _captured(moved, outcome)
        case Declined(code, message):
            return _failed(moved, code, message)
        case Cancelled() if not payment.cancel_requested:
            return _failed(moved, "cancelled_at_provider", "The payment was cancelled at the provider")
        case Cancelled():
            return _cancelled(moved)
        case ActionRequired() if not payment.cancel_requested:
            return _action_required(payment, moved, outcome)
    return Change(moved)


def cancel(payment: Payment, now: datetime) -> Change:
    """The order ended without a sale: nothing may be captured from now on, and what was captured is refunded.

    The customer has nothing to do for it any more, even before the provider has cancelled it.
    """
    cancelling = replace(payment, cancel_requested=True, action_type=None, action_url=None)
    if payment.status is Status.PENDING:
        return _cancelled(replace(cancelling, status=Status.CANCELLED, next_attempt_at=None))
    if payment.is_open:
        return Change(replace(cancelling, attempts=0, next_attempt_at=now))
    return Change(cancelling.schedule_refund(payment.refundable), refund_amount=payment.refundable)


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


def _scheduled(payment: Payment, now: datetime, pause: Pause) -> Payment:
    """With the time of the next call to the provider; a final payment needs none."""
    if not payment.is_open:
        return replace(payment, next_attempt_at=None)
    seconds = pause(payment.attempts)
    if payment.status is Status.ACTION_REQUIRED and not payment.cancel_requested:
        seconds = max(seconds, MIN_CUSTOMER_SECONDS)
    return replace(payment, next_attempt_at=now + timedelta(seconds=seconds))


def _captured(payment: Payment, outcome: Captured) -> Change:
    """Money was taken. If the order was cancelled, or a failure was already published, it is refunded.

    Raises ValueError if another amount was captured than requested: no rule covers that, so the payment stays open
    and the error is logged.
    """
    if outcome.amount != payment.amount:
        raise ValueError(f"payment {payment.id} of {payment.amount} was captured as {outcome.amount}")
    must_refund = payment.cancel_requested or payment.failure_code is not None
    captured = replace(payment, captured=outcome.amount.amount, action_type=None, action_url=None)
    event = _succeeded(captured, outcome.reference)
    if must_refund:
        return Change(captured.schedule_refund(captured.refundable), event, captured.refundable)
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


def _cancelled(payment: Payment) -> Change:
    event = PaymentCancelled(payment_id=payment.id, order_id=payment.order_id, customer_id=payment.customer_id)
    return Change(replace(payment, action_type=None, action_url=None), event)


def _action_required(before: Payment, payment: Payment, outcome: ActionRequired) -> Change:
    """Publish the action once, however often the provider repeats it."""
    waiting = replace(payment, action_type=outcome.type, action_url=outcome.url)
    if (before.status, before.action_type, before.action_url) == (waiting.status, outcome.type, outcome.url):
        return Change(waiting)
    event = PaymentActionRequired(
        payment_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        provider=payment.provider,
        action_type=outcome.type,
        action_url=outcome.url,
    )
    return Change(waiting, event)
