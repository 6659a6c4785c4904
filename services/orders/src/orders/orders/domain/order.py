"""The order: how it is placed, and how a signal changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from common.contracts.event import Event
from common.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderLine,
    OrderPlaced,
    OrderShipped,
    PaymentRequested,
)
from common.errors import DukanError, Rejected
from common.money import Money
from orders.orders.domain.checkout import Checkout, Deadlines
from orders.orders.domain.payment import Payment
from orders.orders.domain.saga import Action, Status, Step, Trigger, transition
from orders.orders.domain.signal import Signal, TimelineEntry
from orders.prices.domain import Price, merge_items, price_items, subtotal_of, total_of

State = tuple[Status, str | None, Payment, datetime | None]


@dataclass(slots=True)
class Transition:
    """The effect of a signal on an order. Without steps, only the timeline gets an entry."""

    steps: list[Step]
    entries: list[TimelineEntry]
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Order:
    id: UUID
    number: str
    customer_id: UUID
    status: Status
    status_reason: str | None
    lines: tuple[OrderLine, ...]
    subtotal: Money
    total: Money
    payment: Payment
    deadline: datetime | None
    correlation_id: str

    @classmethod
    def place(
        cls,
        checkout: Checkout,
        items: Sequence[tuple[UUID, int]],
        prices: Mapping[UUID, Price],
        now: datetime,
        deadlines: Deadlines,
    ) -> "Placed | Rejected":
        """The order of a checkout, with the prices of now.

        An error becomes a value here, because it concerns one checkout of a group.
        """
        try:
            lines = price_items(merge_items(items), prices)
        except DukanError as error:
            return Rejected(error)
        order = cls(
            id=checkout.order_id,
            number="",
            customer_id=checkout.customer_id,
            status=Status.PENDING,
            status_reason=None,
            lines=lines,
            subtotal=subtotal_of(lines),
            total=total_of(lines),
            payment=Payment(checkout.provider, checkout.payment_method),
            deadline=deadlines.of(Status.PENDING, now),
            correlation_id=checkout.correlation_id,
        )
        return Placed(order, checkout, now)

    @property
    def state(self) -> State:
        """What a signal may change."""
        return self.status, self.status_reason, self.payment, self.deadline

    def apply(self, signal: Signal, now: datetime, deadlines: Deadlines) -> Transition:
        """Take the steps that the saga's table has for the signal."""
        if (update := signal.payment) is not None:
            self.payment = self.payment.apply(update.payment_id, update.status, update.action)
        steps = transition(self.status, signal.trigger)
        if not steps:
            return Transition([], [self._entry(replace(signal, detail=self._no_effect(signal)), now)])
        result = Transition(steps, [])
        for step in steps:
            self._enter(step, signal, now, deadlines)
            result.entries.append(self._entry(signal, now))
            if step.action is not Action.NOTHING:
                event = self._event(step.action, signal)
                result.events.append(event)
                signal = replace(signal, event=event.type)
        return result

    def _enter(self, step: Step, signal: Signal, now: datetime, deadlines: Deadlines) -> None:
        if step.status is self.status:
            return
        self.status = step.status
        self.deadline = deadlines.of(step.status, now)
        if step.action is Action.CANCEL:
            self.status_reason = step.reason or signal.reason

    def _entry(self, signal: Signal, now: datetime) -> TimelineEntry:
        return TimelineEntry(self.id, now, self.status, signal.event, signal.cause, signal.actor, signal.detail)

    def _no_effect(self, signal: Signal) -> str:
        """What the timeline says about a signal that changes nothing."""
        if signal.trigger is Trigger.PAYMENT_SUCCEEDED and self.status is Status.CANCELLED:
            return "captured after the cancellation: billing pays it back"
        stays = f"the order stays {self.status.replace('_', ' ')}"
        return f"{stays} ({signal.detail})" if signal.detail else stays

    def _event(self, action: Action, signal: Signal) -> Event:
        common: dict[str, Any] = {"order_id": self.id, "number": self.number, "customer_id": self.customer_id}
        match action:
            case Action.REQUEST_PAYMENT:
                provider, method = self.payment.provider, self.payment.method
                return PaymentRequested(**common, amount=self.total, provider=provider, payment_method=method)
            case Action.CONFIRM:
                return OrderConfirmed(**common, payment_id=self.payment.id, lines=self.lines, total=self.total)
            case Action.CANCEL:
                reason = self.status_reason or ""
                return OrderCancelled(**common, reason=reason, lines=self.lines, total=self.total)
            case Action.SHIP:
                shipment = signal.shipment
                return OrderShipped(**common, carrier=shipment.carrier, tracking_number=shipment.tracking_number)
            case Action.DELIVER:
                return OrderDelivered(**common)
        raise ValueError(f"{action} publishes no event")


@dataclass(slots=True)
class Placed:
    """A new order. The database gives it its number and the copy of its address."""

    order: Order
    checkout: Checkout
    at: datetime
    address: dict[str, Any] | None = None

    @property
    def lacks_address(self) -> bool:
        """Whether the customer does not have the address that the checkout names."""
        return self.checkout.address_id is not None and self.address is None

    @property
    def event(self) -> OrderPlaced:
        """To be published after the order has its number."""
        order = self.order
        return OrderPlaced(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            lines=order.lines,
            total=order.total,
            provider=order.payment.provider,
        )
