"""Ending an order without a sale: customers may until it is paid, staff until it is shipped."""

from uuid import UUID

from common.contracts.orders import OrderCancelled
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Signal
from orders.domain.saga import Trigger
from orders.usecases.command_order import Actor, command_order


async def cancel_order(tx: Transaction, order_id: UUID, actor: Actor, detail: str, deadlines: Deadlines) -> None:
    trigger = Trigger.STAFF_CANCELS if actor.is_staff else Trigger.CUSTOMER_CANCELS
    await command_order(tx, Signal(order_id, trigger, OrderCancelled.type, detail=detail), actor, deadlines)
