"""What people tell an order to do. The saga's table decides whether it can, now."""

from dataclasses import dataclass, replace
from uuid import UUID

from common.context import current
from common.errors import Conflict, NotFound
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Signal
from orders.usecases.advance_orders import Cause, advance_orders

OWNED = "SELECT EXISTS (SELECT FROM orders WHERE id = $1 AND user_id = $2)"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who commands. Staff may command anybody's order, customers their own."""

    user_id: UUID
    is_staff: bool

    def __str__(self) -> str:
        return f"{'staff' if self.is_staff else 'customer'}:{self.user_id}"


async def command_order(tx: Transaction, signal: Signal, actor: Actor, deadlines: Deadlines) -> None:
    """NotFound for what is not there or not the actor's; Conflict when the table does not know the step."""
    if not actor.is_staff and not await tx.sql.fetchval(OWNED, signal.order_id, actor.user_id):
        raise unknown_order()
    origin = current()
    signal = replace(signal, actor=str(actor), cause=origin.correlation_id if origin else None)
    [progress] = await advance_orders(tx, [Cause(signal)], deadlines)
    if progress is None:
        raise unknown_order()
    if not progress.steps:
        status = progress.entries[0].status
        raise Conflict(
            f"This is not possible for an order that is {status.replace('_', ' ')}",
            code="orders.illegal_transition",
            detail={"status": status},
        )


def unknown_order() -> NotFound:
    return NotFound("There is no such order", code="orders.unknown_order")
