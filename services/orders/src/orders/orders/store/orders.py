"""Inserting orders, and moving them through the saga. One statement each, for one order or for a group."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from common.contracts.orders import OrderLine, OrderPlaced
from common.errors import Transient
from common.money import Money
from common.persistence.rows import columns
from common.persistence.transaction import Transaction
from orders.orders.domain.order import Order, Placed
from orders.orders.domain.payment import Payment, PaymentAction, PaymentStatus
from orders.orders.domain.saga import Status
from orders.orders.domain.signal import TimelineEntry

# The address is copied here, so that a later change of it does not redirect a parcel. The numbers are taken once for
# the group, by the statement that needs them: what follows until the commit holds up the other processes. Should this
# one freeze meanwhile, PostgreSQL rolls its transaction back.
INSERT = """
WITH checkout AS (
    SELECT *, row_number() OVER (ORDER BY id) AS position, count(*) OVER () AS size
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::jsonb[], $7::uuid[], $8::text[],
                $9::text[], $10::text[], $11::text[])
        AS c(id, user_id, currency, subtotal, total, lines, address_id, note, provider, payment_method, correlation_id)
), taken AS MATERIALIZED (
    SELECT year, last, set_config('idle_in_transaction_session_timeout', '5s', true)
    FROM take_order_numbers($12, (SELECT count(*) FROM checkout))
), placed AS (
    INSERT INTO orders (id, number, user_id, status, currency, subtotal, total, lines, address, note, provider,
                        payment_method, payment_status, deadline, correlation_id, created_at, updated_at)
    SELECT id, order_number(year, last - size + position), user_id, 'pending', currency, subtotal, total, lines,
           (SELECT to_jsonb(a) - 'user_id' - 'is_default' FROM address a
            WHERE a.user_id = c.user_id
              AND CASE WHEN c.address_id IS NULL THEN a.is_default ELSE a.id = c.address_id END),
           note, provider, payment_method, 'pending', $13, correlation_id, $12, $12
    FROM checkout c, taken ORDER BY id
    RETURNING id, number, user_id, address, correlation_id
), timeline AS (
    INSERT INTO order_step (order_id, at, status, event, cause, actor)
    SELECT id, $12, 'pending', $14, correlation_id, 'customer:' || user_id FROM placed
)
SELECT id, number, address FROM placed
"""

# Locked in key order, so that two batches with orders in common cannot deadlock.
LOCK = """
SELECT id, number, user_id, status, status_reason, currency, subtotal, total, lines, provider, payment_method,
       payment_id, payment_status, payment_action, deadline, correlation_id
FROM orders WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""

# A locked order is being changed by another transaction: the next run sees what became of it.
LOCK_OVERDUE = "SELECT id FROM orders WHERE deadline <= $1 ORDER BY deadline LIMIT $2 FOR UPDATE SKIP LOCKED"

SAVE = """
UPDATE orders o SET status = n.status, status_reason = n.status_reason, payment_id = n.payment_id,
    payment_status = n.payment_status, payment_action = n.payment_action, deadline = n.deadline, updated_at = $1
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::jsonb[], $9::timestamptz[])
    AS n(id, was, status, status_reason, payment_id, payment_status, payment_action, deadline)
WHERE o.id = n.id AND o.status = n.was
RETURNING o.id
"""

ADD_TO_TIMELINE = """
INSERT INTO order_step (order_id, at, status, event, cause, actor, detail)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
"""

_lines = TypeAdapter(tuple[OrderLine, ...])


async def insert_orders(tx: Transaction, group: Sequence[Placed]) -> None:
    """Insert new orders, each with the first entry of its timeline; sets their numbers and addresses."""
    if not group:
        return
    first = group[0]
    rows = await tx.sql.fetch(
        INSERT, *columns(_new_row(placed) for placed in group), first.at, first.order.deadline, OrderPlaced.type
    )
    inserted = {row["id"]: row for row in rows}
    for placed in group:
        row = inserted[placed.order.id]
        placed.order.number, placed.address = row["number"], row["address"]


async def lock_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Order]:
    """The orders that exist, by id."""
    return {row["id"]: _from_row(row) for row in await tx.sql.fetch(LOCK, order_ids)}


async def lock_overdue_orders(tx: Transaction, now: datetime, limit: int) -> list[UUID]:
    """Up to `limit` orders whose deadline has passed, except those that another transaction has locked."""
    return [row["id"] for row in await tx.sql.fetch(LOCK_OVERDUE, now, limit)]


async def save_orders(tx: Transaction, changed: Sequence[tuple[Order, Status]], now: datetime) -> None:
    """Save each order if it still has the given status (compare and set). Raises Transient if one has not."""
    if not changed:
        return
    saved = await tx.sql.fetch(SAVE, now, *columns(_saga_row(order, was) for order, was in changed))
    if len(saved) != len(changed):
        raise Transient("an order changed while its next step was decided")


async def add_to_timelines(tx: Transaction, entries: Sequence[TimelineEntry]) -> None:
    if entries:
        rows = [(e.order_id, e.at, e.status, e.event, e.cause, e.actor, e.detail) for e in entries]
        await tx.sql.execute(ADD_TO_TIMELINE, *columns(rows))


def _new_row(placed: Placed) -> tuple[object, ...]:
    order, checkout = placed.order, placed.checkout
    return (
        order.id,
        order.customer_id,
        order.total.currency,
        order.subtotal.amount,
        order.total.amount,
        _lines.dump_json(order.lines).decode(),
        checkout.address_id,
        checkout.note,
        checkout.provider,
        checkout.payment_method,
        order.correlation_id,
    )


def _saga_row(order: Order, was: Status) -> tuple[object, ...]:
    payment = order.payment
    action = json.dumps(asdict(payment.action)) if payment.action else None
    return order.id, was, order.status, order.status_reason, payment.id, payment.status, action, order.deadline


def _from_row(row: asyncpg.Record) -> Order:
    action = row["payment_action"]
    return Order(
        id=row["id"],
        number=row["number"],
        customer_id=row["user_id"],
        status=Status(row["status"]),
        status_reason=row["status_reason"],
        lines=_lines.validate_python(row["lines"]),
        subtotal=Money(amount=row["subtotal"], currency=row["currency"]),
        total=Money(amount=row["total"], currency=row["currency"]),
        payment=Payment(
            provider=row["provider"],
            method=row["payment_method"],
            id=row["payment_id"],
            status=PaymentStatus(row["payment_status"]),
            action=PaymentAction(**action) if action else None,
        ),
        deadline=row["deadline"],
        correlation_id=row["correlation_id"],
    )
