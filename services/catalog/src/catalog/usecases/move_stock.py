"""The shelves: locking them in one order, and moving units with a line in the ledger. Everyone goes through here."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from catalog.domain.stock import Move, Shelf
from common.contracts.catalog import AvailabilityChanged
from common.persistence.transaction import Transaction

# In product order, so that two transactions that want the same shelves never wait for each other.
LOCK = """
SELECT s.product_id, p.title, s.available, s.low_threshold, p.is_active AND p.deleted_at IS NULL AS on_sale
FROM stock s JOIN product p ON p.id = s.product_id
WHERE s.product_id = ANY($1) ORDER BY s.product_id FOR UPDATE OF s
"""

MOVE = """
WITH move AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::uuid[],
                         $7::text[], $8::text[], $9::uuid[])
        AS m (product_id, kind, available, reserved, sold, order_id, reason, note, actor)
), written AS (
    INSERT INTO stock_ledger (product_id, delta, kind, reason, note, actor, order_id)
    SELECT product_id, available, kind, reason, note, actor, order_id FROM move WHERE available <> 0
), change AS (
    SELECT product_id, sum(available) AS available, sum(reserved) AS reserved, sum(sold) AS sold
    FROM move GROUP BY product_id
)
UPDATE stock s
SET available = s.available + c.available, reserved = s.reserved + c.reserved, sold = s.sold + c.sold
FROM change c WHERE s.product_id = c.product_id
RETURNING s.product_id, s.available, c.available AS added
"""


async def lock_shelves(tx: Transaction, product_ids: Iterable[UUID]) -> dict[UUID, Shelf]:
    """The shelves of the products that exist, locked until the transaction ends."""
    rows = await tx.sql.fetch(LOCK, list(product_ids))
    return {row["product_id"]: Shelf(**row) for row in rows}


async def move_stock(tx: Transaction, moves: Sequence[Move]) -> None:
    """Carry out the moves on shelves that are locked. Publishes AvailabilityChanged for each that ran dry or filled."""
    if not moves:
        return
    for shelf in await tx.sql.fetch(MOVE, *(list(column) for column in zip(*moves, strict=True))):
        in_stock = shelf["available"] > 0
        if in_stock != (shelf["available"] - shelf["added"] > 0):
            tx.publish(AvailabilityChanged(product_id=shelf["product_id"], in_stock=in_stock))
