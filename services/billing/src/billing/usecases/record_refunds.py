"""Write down what providers said about refunds."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from billing.domain.outcomes import Refunded, RefundOutcome, RefundPending, RefundRefused
from billing.domain.pauses import pause_before
from billing.domain.payment import Change, Payment
from billing.domain.refunding import refunded
from billing.usecases.load_payments import lock_payments, origin_in
from billing.usecases.store_changes import store_changes
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

FIND = "SELECT DISTINCT payment_id FROM refund WHERE id = ANY($1)"
# Locked after its payment, as everywhere: the payment's row is what serialises money.
LOCK = "SELECT * FROM refund WHERE id = ANY($1) AND status = 'pending' ORDER BY id FOR UPDATE"
UPDATE = """
UPDATE refund SET status = $2, reference = coalesce($3, reference), failure_code = $4, failure_message = $5,
    next_attempt_at = $6, updated_at = $7
WHERE id = $1
"""


async def record_refunds(tx: Transaction, reports: Sequence[tuple[UUID, RefundOutcome]], now: datetime) -> None:
    """Apply reports about refunds; those already decided stay as they are."""
    outcomes = dict(reports)
    payment_ids = [row["payment_id"] for row in await tx.sql.fetch(FIND, list(outcomes))]
    held = {h.payment.id: h for h in await lock_payments(tx, payment_ids)}
    rows = await tx.sql.fetch(LOCK, list(outcomes))
    await tx.sql.executemany(UPDATE, [_row(row, outcomes[row["id"]], now) for row in rows])
    for row in rows:
        # One by one: two refunds of one payment in a batch build on each other, and refunds are rare.
        current = held[row["payment_id"]]
        change = _change(current.payment, row, outcomes[row["id"]])
        if change is not None:
            await store_changes(tx, [(change, origin_in(row))], now)
            held[row["payment_id"]] = replace(current, payment=change.payment)


def _change(payment: Payment, row: asyncpg.Record, outcome: RefundOutcome) -> Change | None:
    match outcome:
        case Refunded():
            return refunded(payment, row["amount"], row["reason"])
        case RefundRefused(code, message):
            log.error("refund %s of payment %s was refused: %s %s", row["id"], payment.id, code, message)
            return Change(payment.break_promise(row["amount"]))
        case RefundPending():
            return None


def _row(row: asyncpg.Record, outcome: RefundOutcome, now: datetime) -> tuple[object, ...]:
    match outcome:
        case Refunded(reference):
            return (row["id"], "succeeded", reference, None, None, None, now)
        case RefundRefused(code, message):
            return (row["id"], "failed", None, code, message, None, now)
        case RefundPending(reason, reference):
            return (row["id"], "pending", reference, None, reason, now + pause_before(row["attempts"]), now)
