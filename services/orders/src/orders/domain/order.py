"""The order as the saga sees it: it hears what happened, changes accordingly and says what the world must know."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from common.contracts.event import Event
from common.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderLine,
    OrderShipped,
    PaymentRequested,
)
from common.money import Money
from orders.domain.payment import Payment, PaymentAction, PaymentStatus
from orders.domain.saga import Action, Status, Step, Trigger, walk


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long catalog may take to set stock aside, and billing and the customer to pay."""

    stock: timedelta
    payment: timedelta

    def of(self, status: Status, now: datetime) -> datetime | None:
        """When an order that enters this state now must have left it; None when it may stay."""
        match status:
            case Status.PENDING:
                return now + self.stock
            case Status.RESERVED | Status.AWAITING_PAYMENT:
                return now + self.payment
        return None


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """What billing tells of the payment."""

    payment_id: UUID
    status: PaymentStatus
    action: PaymentAction | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    carrier: str | None = None
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that befalls one order. `event` and `cause` name it in the timeline; `actor` is who did it."""

    order_id: UUID
    trigger: Trigger
    event: str
    actor: str = ""
    cause: str | None = None
    reason: str = ""
    detail: str = ""
    payment: PaymentNews | None = None
    shipment: Shipment = Shipment()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline: the state after it, and what led there."""

    order_id: UUID
    at: datetime
    status: Status
    event: str
    cause: str | None
    actor: str
    detail: str


@dataclass(slots=True)
class Progress:
    """What a signal did. Without steps it was ignored: only the timeline knows of it."""

    steps: list[Step]
    entries: list[Entry]
    facts: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Order:
    id: UUID
    number: str
    customer_id: UUID
    status: Status
    status_reason: str | None
    lines: tuple[OrderLine, ...]
    total: Money
    payment: Payment
    deadline: datetime | None
    correlation_id: str

    def receive(self, signal: Signal, now: datetime, deadlines: Deadlines) -> Progress:
        """Take the steps that the saga's table gives for the signal."""
        if signal.payment is not None:
            self.payment = self.payment.heard(signal.payment.payment_id, signal.payment.status, signal.payment.action)
        steps = walk(self.status, signal.trigger)
        if not steps:
            return Progress([], [self._entry(replace(signal, detail=self._unmoved(signal)), now)])
        progress = Progress(steps, [])
        for step in steps:
            self._take(step, signal, now, deadlines)
            progress.entries.append(self._entry(signal, now))
            if step.action is not Action.NOTHING:
                fact = self._fact(step.action, signal)
                progress.facts.append(fact)
                signal = replace(signal, event=fact.type)
        return progress

    def _take(self, step: Step, signal: Signal, now: datetime, deadlines: Deadlines) -> None:
        if step.status is self.status:
            return
        self.status = step.status
        self.deadline = deadlines.of(step.status, now)
        if step.action is Action.CANCEL:
            self.status_reason = step.reason or signal.reason

    def _entry(self, signal: Signal, now: datetime) -> Entry:
        return Entry(self.id, now, self.status, signal.event, signal.cause, signal.actor, signal.detail)

    def _unmoved(self, signal: Signal) -> str:
        if signal.trigger is Trigger.PAYMENT_SUCCEEDED and self.status is Status.CANCELLED:
            return "captured after the cancellation: billing pays it back"
        stays = f"the order stays {self.status.replace('_', ' ')}"
        return f"{stays} ({signal.detail})" if signal.detail else stays

    def _fact(self, action: Action, signal: Signal) -> Event:
        named: dict[str, Any] = {"order_id": self.id, "number": self.number, "customer_id": self.customer_id}
        match action:
            case Action.REQUEST_PAYMENT:
                provider, method = self.payment.provider, self.payment.method
                return PaymentRequested(**named, amount=self.total, provider=provider, payment_method=method)
            case Action.CONFIRM:
                return OrderConfirmed(**named, payment_id=self.payment.id, lines=self.lines, total=self.total)
            case Action.CANCEL:
                reason = self.status_reason or ""
                return OrderCancelled(**named, reason=reason, lines=self.lines, total=self.total)
            case Action.SHIP:
                shipment = signal.shipment
                return OrderShipped(**named, carrier=shipment.carrier, tracking_number=shipment.tracking_number)
            case Action.DELIVER:
                return OrderDelivered(**named)
        raise ValueError(f"{action} is announced by no event")
