"""Correct what is on the shelf: goods received, damaged, returned or miscounted."""

from uuid import UUID

from catalog.domain.stock import Move
from catalog.usecases.move_stock import lock_shelves, move_stock
from common.contracts.catalog import StockLow
from common.errors import Conflict, NotFound
from common.persistence.transaction import Transaction


async def adjust_stock(
    tx: Transaction, product_id: UUID, delta: int, *, reason: str, note: str | None = None, actor: UUID | None = None
) -> None:
    """Add `delta` to what is available. Raises Conflict, naming what there is, rather than go below zero."""
    shelf = (await lock_shelves(tx, [product_id])).get(product_id)
    if shelf is None:
        raise NotFound("There is no such product")
    if shelf.available + delta < 0:
        raise Conflict(
            f"Only {shelf.available} are available",
            code="insufficient_stock",
            field="delta",
            detail={"available": shelf.available},
        )
    move = Move(product_id, "adjusted", available=delta, reason=reason, note=note, actor=actor)
    await move_stock(tx, [move])
    if shelf.is_emptied_by(-delta):
        tx.publish(StockLow(product_id=product_id, title=shelf.title, available=shelf.available + delta))
