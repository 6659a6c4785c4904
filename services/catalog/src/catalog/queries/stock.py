"""What is on the shelf."""

from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

SHELF = """
SELECT s.product_id, s.available, s.reserved FROM stock s JOIN product p ON p.id = s.product_id
WHERE s.product_id = $1 AND p.deleted_at IS NULL
"""


LEDGER = """
SELECT id, delta, kind, reason, note, actor, order_id, at FROM stock_ledger
WHERE product_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""


class StockCount(NamedTuple):
    """Units that can still be sold, and units set aside for orders under way."""

    product_id: UUID
    available: int
    reserved: int


async def find_stock(sql: asyncpg.Connection, product_id: UUID) -> StockCount | None:
    row = await sql.fetchrow(SHELF, product_id)
    return StockCount(*row) if row else None


async def list_ledger(
    sql: asyncpg.Connection, product_id: UUID, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """What changed the available stock, newest first, from the entry before `before` on."""
    return [dict(row) for row in await sql.fetch(LEDGER, product_id, before, limit)]
