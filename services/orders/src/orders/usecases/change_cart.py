"""Changing and emptying a cart."""

from uuid import UUID

from common.errors import NotFound
from common.persistence.transaction import Transaction

SET_QUANTITY = "UPDATE cart_item SET quantity = $3 WHERE id = $1 AND user_id = $2"
REMOVE = "DELETE FROM cart_item WHERE id = $1 AND user_id = $2"
CLEAR = "DELETE FROM cart_item WHERE user_id = $1"


async def set_quantity(tx: Transaction, user_id: UUID, item_id: UUID, quantity: int) -> None:
    _found(await tx.sql.execute(SET_QUANTITY, item_id, user_id, quantity))


async def remove_from_cart(tx: Transaction, user_id: UUID, item_id: UUID) -> None:
    _found(await tx.sql.execute(REMOVE, item_id, user_id))


async def clear_cart(tx: Transaction, user_id: UUID) -> None:
    await tx.sql.execute(CLEAR, user_id)


def _found(status: str) -> None:
    if status.endswith(" 0"):
        raise NotFound("There is no such item in the cart", code="orders.unknown_item")
