"""The SQL of stock: levels, reservations and the ledger."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from catalog.stock.domain import Reservation, ReservationResult, State, StockLevel, StockMove
from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import TimeRange

OPEN = "INSERT INTO stock (product_id) SELECT unnest($1::uuid[])"

# In product order, so that two transactions that need the same rows cannot deadlock.
LOCK_LEVELS = """
SELECT s.product_id, p.title, s.available, s.low_threshold,
       p.is_active AND p.deleted_at IS NULL AND coalesce(c.on_sale, true) AS on_sale
FROM stock s JOIN product p ON p.id = s.product_id LEFT JOIN category c ON c.id = p.category_id
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
RETURNING s.product_id, s.available, s.available - c.available AS available_before
"""

# Inserting the reservation comes first: a concurrent cancellation or duplicate of the same order waits here.
INSERT_RESERVED = """
INSERT INTO reservation (order_id, state, expires_at) SELECT unnest($1::uuid[]), 'reserved', $2
ON CONFLICT DO NOTHING RETURNING order_id
"""
INSERT_RELEASED = """
INSERT INTO reservation (order_id, state, expires_at) SELECT unnest($1::uuid[]), 'released', $2 ON CONFLICT DO NOTHING
"""
INSERT_LINES = """
INSERT INTO reservation_line (order_id, product_id, quantity)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[])
"""
SET_STATE = "UPDATE reservation SET state = $2, updated_at = now() WHERE order_id = ANY($1)"
LOCK_RESERVATIONS = """
SELECT order_id, state FROM reservation WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE
"""
LINES = "SELECT order_id, product_id, quantity FROM reservation_line WHERE order_id = ANY($1)"
# The next question is due after the same time again: a lost answer does not reserve stock for ever.
EXPIRE = """
UPDATE reservation SET expires_at = $1::timestamptz + $2, updated_at = now()
WHERE order_id IN (SELECT order_id FROM reservation WHERE state = 'reserved' AND expires_at <= $1
                   ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING order_id
"""

FIND = """
SELECT s.product_id, s.available, s.reserved, p.is_active AND coalesce(c.on_sale, true) AS on_sale
FROM stock s JOIN product p ON p.id = s.product_id LEFT JOIN category c ON c.id = p.category_id
WHERE s.product_id = $1 AND p.deleted_at IS NULL
"""
LEDGER = f"""
SELECT id, delta, kind, reason, note, actor, order_id, at FROM stock_ledger
WHERE product_id = $1 AND ($2::bigint IS NULL OR id < $2)
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
  AND ($6::text IS NULL OR {contains(["kind", "reason", "note"], "$6")})
ORDER BY id DESC LIMIT $3
"""  # noqa: S608  (constants of this module)


class StockCount(NamedTuple):
    """Units that can be sold, and units reserved for pending orders; whether the product is on sale."""

    product_id: UUID
    available: int
    reserved: int
    on_sale: bool


async def find_stock(sql: asyncpg.Connection, product_id: UUID) -> StockCount | None:
    row = await sql.fetchrow(FIND, product_id)
    return StockCount(*row) if row else None


async def list_ledger(
    sql: asyncpg.Connection, product_id: UUID, before: int | None, limit: int, *, period: TimeRange, search: str | None
) -> list[dict[str, Any]]:
    """Ledger entries, newest first, older than the entry `before`."""
    rows = await sql.fetch(LEDGER, product_id, before, limit, period.since, period.until, search)
    return [dict(row) for row in rows]


async def insert_stock(tx: Transaction, product_ids: Sequence[UUID]) -> None:
    """No units, and the default threshold."""
    await tx.sql.execute(OPEN, product_ids)


async def lock_levels(tx: Transaction, product_ids: Iterable[UUID]) -> dict[UUID, StockLevel]:
    """The levels of the products that exist, locked until the transaction ends."""
    rows = await tx.sql.fetch(LOCK_LEVELS, list(product_ids))
    return {row["product_id"]: StockLevel(**row) for row in rows}


class LevelChange(NamedTuple):
    product_id: UUID
    available: int
    available_before: int


async def apply_moves(tx: Transaction, moves: Sequence[StockMove]) -> list[LevelChange]:
    """Change locked levels and write the ledger. One change per product."""
    return [LevelChange(*row) for row in await tx.sql.fetch(MOVE, *columns(moves))]


async def insert_reservations(tx: Transaction, order_ids: Sequence[UUID], expires_at: datetime) -> set[UUID]:
    """The orders that had no reservation yet."""
    return {row["order_id"] for row in await tx.sql.fetch(INSERT_RESERVED, order_ids, expires_at)}


async def insert_released(tx: Transaction, order_ids: Sequence[UUID], now: datetime) -> None:
    """A released reservation for each order that has none."""
    await tx.sql.execute(INSERT_RELEASED, order_ids, now)


async def save_results(tx: Transaction, results: Sequence[ReservationResult]) -> None:
    """The state of rejected reservations, and the lines of the others."""
    rejected = [result.request.order_id for result in results if result.reason]
    if rejected:
        await set_state(tx, rejected, "rejected")
    lines = [
        (result.request.order_id, product_id, quantity)
        for result in results
        if not result.reason
        for product_id, quantity in result.request.lines.items()
    ]
    if lines:
        await tx.sql.execute(INSERT_LINES, *columns(lines))


async def lock_reservations(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Reservation]:
    """The reservations that exist, locked in the order of their ids."""
    rows = await tx.sql.fetch(LOCK_RESERVATIONS, list(order_ids))
    lines: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in await tx.sql.fetch(LINES, list(order_ids)):
        lines[row["order_id"]][row["product_id"]] = row["quantity"]
    return {row["order_id"]: Reservation(row["order_id"], row["state"], lines[row["order_id"]]) for row in rows}


async def set_state(tx: Transaction, order_ids: Sequence[UUID], state: State) -> None:
    await tx.sql.execute(SET_STATE, order_ids, state)


async def extend_expired(tx: Transaction, now: datetime, extension: timedelta, limit: int) -> list[UUID]:
    """The orders whose reservations have expired; they expire again after `extension`."""
    return [row["order_id"] for row in await tx.sql.fetch(EXPIRE, now, extension, limit)]
