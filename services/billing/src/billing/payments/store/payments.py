"""Payments as the domain knows them: locked, claimed, inserted, updated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from billing.payments.domain.payment import Payment
from billing.payments.domain.status import Status
from billing.retries import MAX_DELAY
from common.context import Origin
from common.contracts.orders import OrderCancelled
from common.ids import new_id
from common.money import Money
from common.persistence.rows import columns
from common.persistence.transaction import Transaction

# In the order of ids, so that two transactions with common payments cannot deadlock.
LOCK = "SELECT * FROM payment WHERE id = ANY($1) AND provider IS NOT NULL ORDER BY id FOR UPDATE"
LOCK_OF_ORDERS = """
SELECT * FROM payment WHERE order_id = ANY($1) AND purpose = 'order' AND provider IS NOT NULL ORDER BY id FOR UPDATE
"""
FIND = """
SELECT id, reference FROM payment WHERE provider = $1 AND (id = $2 OR reference = $3) ORDER BY id = $2 DESC LIMIT 1
"""
# From here on a payment counts as sent: a cancellation must call the provider.
CLAIM = """
UPDATE payment SET attempts = attempts + 1, next_attempt_at = $2, updated_at = $1,
    status = CASE status WHEN 'pending' THEN 'processing' ELSE status END
WHERE id IN (
    SELECT id FROM payment WHERE provider = $4 AND (next_attempt_at <= $1 OR next_attempt_at > $5)
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
# An existing payment wins, and so does the tombstone of an order that was cancelled before: neither charges again.
INSERT = """
INSERT INTO payment (id, order_id, customer_id, number, provider, method, amount, currency, status, failure_code,
                     failure_message, next_attempt_at, correlation_id, causation_id, traceparent, created_at,
                     updated_at)
SELECT new.*, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::text[]) AS new
ON CONFLICT (order_id, purpose) DO NOTHING
RETURNING id
"""
# A row without a provider: a payment request that arrives later, or again, finds it and never charges.
INSERT_TOMBSTONES = """
INSERT INTO payment (id, order_id, customer_id, number, amount, currency, correlation_id, causation_id, traceparent,
                     status, cancel_requested, created_at, updated_at)
SELECT new.*, 'cancelled', true, $1, $1
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::text[]) AS new
ON CONFLICT (order_id, purpose) DO NOTHING
"""
TOMBSTONES = "SELECT order_id FROM payment WHERE order_id = ANY($1) AND purpose = 'order' AND provider IS NULL"
UPDATE = """
UPDATE payment SET status = new.status, captured = new.captured, promised = new.promised, refunded = new.refunded,
    reference = new.reference, failure_code = new.failure_code, failure_message = new.failure_message,
    action_type = new.action_type, action_url = new.action_url, cancel_requested = new.cancel_requested,
    attempts = new.attempts, next_attempt_at = new.next_attempt_at, updated_at = $1
FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::boolean[], $13::integer[], $14::timestamptz[])
    AS new (id, status, captured, promised, refunded, reference, failure_code, failure_message, action_type,
            action_url, cancel_requested, attempts, next_attempt_at)
WHERE payment.id = new.id
"""


@dataclass(frozen=True, slots=True)
class LockedPayment:
    """A payment whose row is locked, and the origin of the events about it: the request that opened it."""

    payment: Payment
    origin: Origin


async def lock_payments(tx: Transaction, ids: Iterable[UUID]) -> list[LockedPayment]:
    return [_locked(row) for row in await tx.sql.fetch(LOCK, list(ids))]


async def lock_payments_of_orders(tx: Transaction, order_ids: Iterable[UUID]) -> list[LockedPayment]:
    return [_locked(row) for row in await tx.sql.fetch(LOCK_OF_ORDERS, list(order_ids))]


async def find_payment(
    tx: Transaction, provider: str, payment_id: UUID | None, reference: str
) -> tuple[UUID, str | None] | None:
    """Id and reference of the payment with this id, or else with this reference."""
    row = await tx.sql.fetchrow(FIND, provider, payment_id, reference)
    return (row["id"], row["reference"]) if row else None


async def claim_payments(
    tx: Transaction, provider: str, limit: int, now: datetime, lease_until: datetime
) -> list[Payment]:
    """At most `limit` due payments; each is due again at `lease_until` unless its outcome is recorded before."""
    rows = await tx.sql.fetch(CLAIM, now, lease_until, limit, provider, now + MAX_DELAY)
    return [_payment(row) for row in rows]


async def insert_payments(tx: Transaction, payments: Sequence[tuple[Payment, Origin]], now: datetime) -> set[UUID]:
    """Insert one payment per order. The ids of those that are new."""
    rows = (
        (
            payment.id,
            payment.order_id,
            payment.customer_id,
            payment.number,
            payment.provider,
            payment.method,
            payment.amount.amount,
            payment.amount.currency,
            payment.status,
            payment.failure_code,
            payment.failure_message,
            payment.next_attempt_at,
            origin.correlation_id,
            origin.causation_id,
            origin.traceparent,
        )
        for payment, origin in payments
    )
    return {row["id"] for row in await tx.sql.fetch(INSERT, now, *columns(rows))}


async def insert_tombstones(
    tx: Transaction, cancellations: Iterable[tuple[OrderCancelled, Origin]], now: datetime
) -> None:
    """Insert a cancelled payment for each order that has none."""
    rows = (
        (
            new_id(),
            order.order_id,
            order.customer_id,
            order.number,
            order.total.amount,
            order.total.currency,
            origin.correlation_id,
            origin.causation_id,
            origin.traceparent,
        )
        for order, origin in cancellations
    )
    await tx.sql.execute(INSERT_TOMBSTONES, now, *columns(rows))


async def find_tombstones(tx: Transaction, order_ids: Sequence[UUID]) -> set[UUID]:
    """The orders that were cancelled before a payment was opened for them."""
    return {row["order_id"] for row in await tx.sql.fetch(TOMBSTONES, order_ids)}


async def save_payments(tx: Transaction, payments: Iterable[Payment], now: datetime) -> None:
    """Update payments that the caller has locked, in one statement."""
    rows = (
        (
            payment.id,
            payment.status,
            payment.captured,
            payment.promised,
            payment.refunded,
            payment.reference,
            payment.failure_code,
            payment.failure_message,
            payment.action_type,
            payment.action_url,
            payment.cancel_requested,
            payment.attempts,
            payment.next_attempt_at,
        )
        for payment in payments
    )
    await tx.sql.execute(UPDATE, now, *columns(rows))


def _locked(row: asyncpg.Record) -> LockedPayment:
    return LockedPayment(_payment(row), Origin(row["correlation_id"], row["causation_id"], row["traceparent"]))


def _payment(row: asyncpg.Record) -> Payment:
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        number=row["number"],
        provider=row["provider"],
        method=row["method"],
        amount=Money(amount=row["amount"], currency=row["currency"]),
        status=Status(row["status"]),
        captured=row["captured"],
        promised=row["promised"],
        refunded=row["refunded"],
        reference=row["reference"],
        failure_code=row["failure_code"],
        failure_message=row["failure_message"],
        action_type=row["action_type"],
        action_url=row["action_url"],
        cancel_requested=row["cancel_requested"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
    )
