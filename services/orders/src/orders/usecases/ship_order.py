"""The goods leave the shop."""

from uuid import UUID

from common.contracts.orders import OrderShipped
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Shipment, Signal
from orders.domain.saga import Trigger
from orders.usecases.command_order import Actor, command_order


async def ship_order(tx: Transaction, order_id: UUID, actor: Actor, shipment: Shipment, deadlines: Deadlines) -> None:
    detail = " ".join(part for part in (shipment.carrier, shipment.tracking_number) if part)
    signal = Signal(order_id, Trigger.SHIP, OrderShipped.type, detail=detail, shipment=shipment)
    await command_order(tx, signal, actor, deadlines)
