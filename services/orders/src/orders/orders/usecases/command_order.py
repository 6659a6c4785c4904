"""Commands of customers and staff. The saga's table decides whether an order can follow them."""

from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from common.context import current
from common.contracts.orders import OrderCancelled, OrderDelivered, OrderShipped
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from orders.errors import IllegalTransition, OrderNotFound
from orders.orders.domain.checkout import Deadlines
from orders.orders.domain.saga import Trigger
from orders.orders.domain.signal import Shipment, Signal
from orders.orders.store.reads import is_owner
from orders.orders.usecases.advance_orders import advance_orders


@dataclass(frozen=True, slots=True)
class Actor:
    """Staff may command all orders, customers their own."""

    user_id: UUID
    is_staff: bool

    @classmethod
    def of(cls, caller: Identity) -> Self:
        return cls(caller.user_id, caller.may("orders.manage"))

    def __str__(self) -> str:
        return f"{'staff' if self.is_staff else 'customer'}:{self.user_id}"


async def cancel_order(tx: Transaction, order_id: UUID, actor: Actor, reason: str, deadlines: Deadlines) -> None:
    """Customers can cancel until the order is paid, staff until it is shipped."""
    trigger = Trigger.STAFF_CANCELS if actor.is_staff else Trigger.CUSTOMER_CANCELS
    await _command(tx, Signal(order_id, trigger, OrderCancelled.type, detail=reason), actor, deadlines)


async def ship_order(tx: Transaction, order_id: UUID, actor: Actor, shipment: Shipment, deadlines: Deadlines) -> None:
    detail = " ".join(part for part in (shipment.carrier, shipment.tracking_number) if part)
    signal = Signal(order_id, Trigger.SHIP, OrderShipped.type, detail=detail, shipment=shipment)
    await _command(tx, signal, actor, deadlines)


async def deliver_order(tx: Transaction, order_id: UUID, actor: Actor, deadlines: Deadlines) -> None:
    await _command(tx, Signal(order_id, Trigger.DELIVER, OrderDelivered.type), actor, deadlines)


async def _command(tx: Transaction, signal: Signal, actor: Actor, deadlines: Deadlines) -> None:
    """Raises OrderNotFound if the actor may not see the order, IllegalTransition if the table has no step."""
    if not actor.is_staff and not await is_owner(tx, signal.order_id, actor.user_id):
        raise OrderNotFound
    origin = current()
    signal = replace(signal, actor=str(actor), cause=origin.correlation_id if origin else None)
    [transition] = await advance_orders(tx, [signal], deadlines)
    if transition is None:
        raise OrderNotFound
    if not transition.steps:
        status = transition.entries[0].status
        message = f"This is not possible for an order that is {status.replace('_', ' ')}"
        raise IllegalTransition(message, detail={"status": status})
