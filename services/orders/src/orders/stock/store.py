"""The SQL of stock levels."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from common.persistence.rows import columns
from common.persistence.transaction import Transaction

SAVE = """
INSERT INTO product_stock (product_id, available, sequence)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[])
ON CONFLICT (product_id) DO UPDATE SET available = EXCLUDED.available, sequence = EXCLUDED.sequence
WHERE product_stock.sequence < EXCLUDED.sequence
"""
FIND = "SELECT product_id, available FROM product_stock WHERE product_id = ANY($1::uuid[])"


async def save_levels(tx: Transaction, levels: Iterable[tuple[UUID, int, int]]) -> None:
    """Save product, level and sequence, unless the replica has the same or a higher sequence."""
    # In key order, so that two writers of the same products cannot deadlock.
    await tx.sql.execute(SAVE, *columns(sorted(levels)))


async def find_levels(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, int]:
    return {row["product_id"]: row["available"] for row in await tx.sql.fetch(FIND, product_ids)}
