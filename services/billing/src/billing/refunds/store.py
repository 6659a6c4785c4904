"""The SQL of refunds: claimed, locked, updated, read by the API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from billing.errors import PaymentNotFound
from billing.payments.domain.provider import Refund
from billing.refunds.tables import RefundRow
from billing.retries import MAX_DELAY
from common.context import Origin
from common.money import Money
from common.persistence.transaction import Transaction

CLAIM = """
UPDATE refund SET attempts = refund.attempts + 1, next_attempt_at = $2, updated_at = $1
FROM payment
WHERE payment.id = refund.payment_id AND refund.id IN (
    SELECT refund.id FROM refund JOIN payment ON payment.id = refund.payment_id
    WHERE payment.provider = $4 AND (refund.next_attempt_at <= $1 OR refund.next_attempt_at > $5)
    ORDER BY refund.next_attempt_at LIMIT $3 FOR UPDATE OF refund SKIP LOCKED)
RETURNING refund.id, refund.payment_id, refund.amount, refund.reference, refund.attempts, payment.currency,
    payment.reference AS charge_reference
"""
PAYMENTS_OF = "SELECT DISTINCT payment_id FROM refund WHERE id = ANY($1)"
# Locked after its payment, as everywhere: the lock on the payment's row is what serialises its refunds.
LOCK = "SELECT * FROM refund WHERE id = ANY($1) AND status = 'pending' ORDER BY id FOR UPDATE"
UPDATE = """
UPDATE refund SET status = $2, reference = coalesce($3, reference), failure_code = $4, failure_message = $5,
    next_attempt_at = $6, updated_at = $7
WHERE id = $1
"""
COMPLETE = "UPDATE refund SET status = 'succeeded', next_attempt_at = NULL, updated_at = $2 WHERE id = $1"
EXISTS = "SELECT EXISTS (SELECT FROM refund WHERE payment_id = $1 AND cause = $2)"
FIND_CHARGE = """
SELECT id, EXISTS (SELECT FROM refund WHERE refund.id = $3 AND payment_id = payment.id) AS has_refund
FROM payment WHERE provider = $1 AND reference = $2 LIMIT 1
"""
CURRENCY = "SELECT currency FROM payment WHERE id = $1 AND provider IS NOT NULL"


@dataclass(frozen=True, slots=True)
class LockedRefund:
    """A pending refund whose row is locked, and the origin of the events about it: the request that caused it."""

    id: UUID
    payment_id: UUID
    amount: int
    reason: str
    attempts: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class RefundUpdate:
    """What an outcome changes; a reference of None leaves the stored one."""

    id: UUID
    status: str
    reference: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    next_attempt_at: datetime | None = None


async def claim_refunds(
    tx: Transaction, provider: str, limit: int, now: datetime, lease_until: datetime
) -> list[Refund]:
    """At most `limit` due refunds; each is due again at `lease_until` unless its outcome is recorded before."""
    rows = await tx.sql.fetch(CLAIM, now, lease_until, limit, provider, now + MAX_DELAY)
    return [
        Refund(
            refund_id=row["id"],
            payment_id=row["payment_id"],
            charge_reference=row["charge_reference"],
            amount=Money(amount=row["amount"], currency=row["currency"]),
            reference=row["reference"],
            attempt=row["attempts"],
        )
        for row in rows
    ]


async def payments_of(tx: Transaction, refund_ids: Iterable[UUID]) -> list[UUID]:
    return [row["payment_id"] for row in await tx.sql.fetch(PAYMENTS_OF, list(refund_ids))]


async def lock_pending_refunds(tx: Transaction, refund_ids: Iterable[UUID]) -> list[LockedRefund]:
    """Those of the refunds that are still pending. The caller has locked their payments."""
    return [
        LockedRefund(
            id=row["id"],
            payment_id=row["payment_id"],
            amount=row["amount"],
            reason=row["reason"],
            attempts=row["attempts"],
            origin=Origin(row["correlation_id"], row["causation_id"], row["traceparent"]),
        )
        for row in await tx.sql.fetch(LOCK, list(refund_ids))
    ]


async def save_refunds(tx: Transaction, updates: Iterable[RefundUpdate], now: datetime) -> None:
    rows = (
        (each.id, each.status, each.reference, each.failure_code, each.failure_message, each.next_attempt_at, now)
        for each in updates
    )
    await tx.sql.executemany(UPDATE, rows)


async def complete_refund(tx: Transaction, refund_id: UUID, now: datetime) -> None:
    await tx.sql.execute(COMPLETE, refund_id, now)


async def has_refund(tx: Transaction, payment_id: UUID, cause: str) -> bool:
    exists: bool = await tx.sql.fetchval(EXISTS, payment_id, cause)
    return exists


async def find_charge(
    tx: Transaction, provider: str, reference: str, refund_id: UUID | None
) -> tuple[UUID, bool] | None:
    """The payment with this charge, and whether this refund is one of its refunds."""
    row = await tx.sql.fetchrow(FIND_CHARGE, provider, reference, refund_id)
    return (row["id"], row["has_refund"]) if row else None


async def currency_of(tx: Transaction, payment_id: UUID) -> str:
    """The currency of a payment and of its refunds. Raises PaymentNotFound."""
    currency: str | None = await tx.sql.fetchval(CURRENCY, payment_id)
    if currency is None:
        raise PaymentNotFound
    return currency


async def list_refunds(tx: Transaction, payment_id: UUID) -> Sequence[RefundRow]:
    """The refunds of a payment, oldest first."""
    query = select(RefundRow).where(RefundRow.payment_id == payment_id).order_by(col(RefundRow.id))
    return (await tx.session.exec(query)).all()


async def get_refund(tx: Transaction, refund_id: UUID) -> RefundRow:
    return (await tx.session.exec(select(RefundRow).where(RefundRow.id == refund_id))).one()
