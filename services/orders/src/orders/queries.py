"""Reads for the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from common.errors import NotFound
from common.money import Money
from common.persistence.transaction import Transaction
from common.web.pagination import PageRequest
from orders.domain.cart import Cart, CartLine
from orders.tables import Address, OrderRow, OrderStep

ORDER = "SELECT * FROM orders WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)"
ORDERS = "SELECT * FROM orders WHERE id = ANY($1::uuid[])"

WANTED = """
FROM orders
WHERE ($1::uuid IS NULL OR user_id = $1) AND ($2::text IS NULL OR status = $2)
  AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
"""
PAGE = f"SELECT * {WANTED} ORDER BY id DESC LIMIT $5 OFFSET $6"
COUNT = f"SELECT count(*) {WANTED}"

CART = """
SELECT i.id, i.product_id, coalesce(p.title, '') AS title, i.quantity, p.amount, p.currency,
       coalesce(p.is_active, false) AS is_active
FROM cart_item i LEFT JOIN product_price p USING (product_id) WHERE i.user_id = $1 ORDER BY i.id
"""

SAGA = """
SELECT status, count(*) AS orders, extract(epoch FROM $1 - min(created_at))::float8 AS oldest
FROM orders WHERE deadline IS NOT NULL GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What a list of orders is narrowed to; `since` is included, `until` is not."""

    user_id: UUID | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def find_order(tx: Transaction, order_id: UUID, owner: UUID | None) -> OrderRow:
    """The order, if `owner` is None or owns it; else NotFound."""
    row = await tx.sql.fetchrow(ORDER, order_id, owner)
    if row is None:
        raise NotFound("There is no such order", code="orders.unknown_order")
    return OrderRow(**row)


async def find_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, OrderRow]:
    """The orders by id, whoever owns them."""
    return {row["id"]: OrderRow(**row) for row in await tx.sql.fetch(ORDERS, order_ids)}


async def list_orders(tx: Transaction, wanted: OrderFilter, page: PageRequest) -> tuple[list[OrderRow], int]:
    """A page of orders, newest first, and how many there are in all."""
    narrowed = (wanted.user_id, wanted.status, wanted.since, wanted.until)
    rows = await tx.sql.fetch(PAGE, *narrowed, page.limit, page.offset)
    total: int = await tx.sql.fetchval(COUNT, *narrowed)
    return [OrderRow(**row) for row in rows], total


async def timeline_of(tx: Transaction, order_id: UUID) -> Sequence[OrderStep]:
    steps = select(OrderStep).where(col(OrderStep.order_id) == order_id).order_by(col(OrderStep.id))
    return (await tx.session.exec(steps)).all()


async def cart_of(tx: Transaction, user_id: UUID, shop_currency: str) -> Cart:
    """What the customer has collected, oldest first."""
    lines = []
    for row in await tx.sql.fetch(CART, user_id):
        price = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
        lines.append(CartLine(row["id"], row["product_id"], row["title"], row["quantity"], price, row["is_active"]))
    return Cart(lines, shop_currency)


async def addresses_of(tx: Transaction, user_id: UUID) -> Sequence[Address]:
    """The default first, then the newest."""
    mine = select(Address).where(col(Address.user_id) == user_id)
    return (await tx.session.exec(mine.order_by(col(Address.is_default).desc(), col(Address.id).desc()))).all()


async def unfinished(tx: Transaction, now: datetime) -> dict[str, tuple[int, float]]:
    """Of the checkouts that run, by status: how many, and the age of the oldest in seconds."""
    return {row["status"]: (row["orders"], row["oldest"]) for row in await tx.sql.fetch(SAGA, now)}
