"""The customer has the goods."""

from uuid import UUID

from common.contracts.orders import OrderDelivered
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Signal
from orders.domain.saga import Trigger
from orders.usecases.command_order import Actor, command_order


async def deliver_order(tx: Transaction, order_id: UUID, actor: Actor, deadlines: Deadlines) -> None:
    await command_order(tx, Signal(order_id, Trigger.DELIVER, OrderDelivered.type), actor, deadlines)
