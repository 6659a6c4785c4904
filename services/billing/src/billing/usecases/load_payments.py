"""Payments as the domain knows them, locked for a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from billing.domain.payment import Payment, Status
from common.context import Origin
from common.money import Money
from common.persistence.transaction import Transaction

# In the order of ids, so that two transactions with common payments cannot deadlock.
LOCK = "SELECT * FROM payment WHERE id = ANY($1) AND provider IS NOT NULL ORDER BY id FOR UPDATE"
LOCK_OF_ORDERS = """
SELECT * FROM payment WHERE order_id = ANY($1) AND purpose = 'order' AND provider IS NOT NULL ORDER BY id FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A payment and what it came from: the origin of every event about it."""

    payment: Payment
    origin: Origin


async def lock_payments(tx: Transaction, ids: Sequence[UUID]) -> list[Held]:
    return [held_in(row) for row in await tx.sql.fetch(LOCK, list(ids))]


async def lock_payments_of_orders(tx: Transaction, order_ids: Sequence[UUID]) -> list[Held]:
    return [held_in(row) for row in await tx.sql.fetch(LOCK_OF_ORDERS, list(order_ids))]


def held_in(row: asyncpg.Record) -> Held:
    payment = Payment(
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
    return Held(payment, origin_in(row))


def origin_in(row: asyncpg.Record) -> Origin:
    return Origin(row["correlation_id"], row["causation_id"], row["traceparent"])
