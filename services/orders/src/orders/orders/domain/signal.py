"""What happens to an order, and what its timeline says about it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.contracts.event import Event
from orders.orders.domain.payment import PaymentAction, PaymentStatus
from orders.orders.domain.saga import Status, Trigger


@dataclass(frozen=True, slots=True)
class PaymentUpdate:
    """The state of the payment according to an event of billing. Without an id, billing never opened it."""

    payment_id: UUID | None
    status: PaymentStatus
    action: PaymentAction | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    carrier: str | None = None
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """An event, a command or a deadline that concerns one order.

    The timeline shows `event` (a type), `cause` (the id of an event or request), `actor` and `detail`. `received` is
    the event itself, if one was received.
    """

    order_id: UUID
    trigger: Trigger
    event: str
    actor: str = ""
    cause: str | None = None
    reason: str = ""
    detail: str = ""
    payment: PaymentUpdate | None = None
    shipment: Shipment = Shipment()
    received: Event | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """The status of an order after an event, and what led to it."""

    order_id: UUID
    at: datetime
    status: Status
    event: str
    cause: str | None
    actor: str
    detail: str
