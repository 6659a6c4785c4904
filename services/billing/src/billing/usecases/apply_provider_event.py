"""Understand one kept provider event and apply what it reports."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from billing.domain.outcomes import Refunded
from billing.providers.port import PaymentReport, RefundReport
from billing.usecases.record_foreign_refund import record_foreign_refund
from billing.usecases.record_outcomes import record_outcomes
from billing.usecases.record_refunds import record_refunds
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

Reader = Callable[[Mapping[str, Any]], PaymentReport | RefundReport | None]

TAKE = """
SELECT provider, payload FROM provider_event WHERE id = $1 AND next_attempt_at IS NOT NULL FOR UPDATE SKIP LOCKED
"""
# What is told of a person who was erased is not kept.
DONE = """
UPDATE provider_event SET result = $2, attempts = attempts + 1, next_attempt_at = NULL, payment_id = $3,
    payload = CASE WHEN EXISTS (SELECT FROM payment JOIN erased_person ON user_id = customer_id WHERE payment.id = $3)
                   THEN '{}' ELSE payload END
WHERE id = $1
"""
FIND_PAYMENT = """
SELECT id, reference FROM payment WHERE provider = $1 AND (id = $2 OR reference = $3) ORDER BY id = $2 DESC LIMIT 1
"""
FIND_REFUND = "SELECT true FROM refund WHERE id = $1 AND payment_id = $2"


async def apply_provider_event(tx: Transaction, event_id: int, readers: Mapping[str, Reader], now: datetime) -> None:
    """Apply the event unless another worker has it or had it. Raises what makes it unreadable."""
    row = await tx.sql.fetchrow(TAKE, event_id)
    if row is None:
        return
    report = readers[row["provider"]](json.loads(row["payload"]))
    match report:
        case PaymentReport():
            payment = await tx.sql.fetchrow(FIND_PAYMENT, row["provider"], report.payment_id, report.reference)
            result = await _apply_payment(tx, row["provider"], report, payment, now) if payment else "unmatched"
        case RefundReport():
            payment = await tx.sql.fetchrow(FIND_PAYMENT, row["provider"], None, report.charge_reference)
            result = await _apply_refund(tx, row["provider"], report, payment, now) if payment else "unmatched"
        case None:
            payment, result = None, "ignored"
    await tx.sql.execute(DONE, event_id, result, payment["id"] if payment else None)


async def _apply_payment(
    tx: Transaction, provider: str, report: PaymentReport, payment: asyncpg.Record, now: datetime
) -> str:
    if payment["reference"] not in (None, report.reference):
        log.error("%s reports a second charge %s for payment %s", provider, report.reference, payment["id"])
        return "second_charge"
    await record_outcomes(tx, [(payment["id"], report.outcome)], now)
    return "applied"


async def _apply_refund(
    tx: Transaction, provider: str, report: RefundReport, payment: asyncpg.Record, now: datetime
) -> str:
    if report.refund_id is not None and await tx.sql.fetchval(FIND_REFUND, report.refund_id, payment["id"]):
        await record_refunds(tx, [(report.refund_id, report.outcome)], now)
        return "applied"
    if not isinstance(report.outcome, Refunded):
        return "ignored"
    await record_foreign_refund(tx, payment["id"], f"{provider}:{report.reference}", report.amount.amount, now)
    return "applied"
