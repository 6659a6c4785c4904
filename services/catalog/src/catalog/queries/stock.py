"""What is on the shelf."""

from typing import NamedTuple
from uuid import UUID

import asyncpg

SHELF = """
SELECT s.product_id, s.available, s.reserved FROM stock s JOIN product p ON p.id = s.product_id
WHERE s.product_id = $1 AND p.deleted_at IS NULL
"""


class StockCount(NamedTuple):
    """Units that can still be sold, and units set aside for orders under way."""

    product_id: UUID
    available: int
    reserved: int


async def find_stock(sql: asyncpg.Connection, product_id: UUID) -> StockCount | None:
    row = await sql.fetchrow(SHELF, product_id)
    return StockCount(*row) if row else None
