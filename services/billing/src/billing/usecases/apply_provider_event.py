"""Understand one kept provider event and apply what it reports."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

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
DONE = "UPDATE provider_event SET result = $2, attempts = attempts + 1, next_attempt_at = NULL WHERE id = $1"
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
            result = await _apply_payment(tx, row["provider"], report, now)
        case RefundReport():
            result = await _apply_refund(tx, row["provider"], report, now)
        case None:
            result = "ignored"
    await tx.sql.execute(DONE, event_id, result)


async def _apply_payment(tx: Transaction, provider: str, report: PaymentReport, now: datetime) -> str:
    payment = await tx.sql.fetchrow(FIND_PAYMENT, provider, report.payment_id, report.reference)
    if payment is None:
        return "unmatched"
    if payment["reference"] not in (None, report.reference):
        log.error("%s reports a second charge %s for payment %s", provider, report.reference, payment["id"])
        return "second_charge"
    await record_outcomes(tx, [(payment["id"], report.outcome)], now)
    return "applied"


async def _apply_refund(tx: Transaction, provider: str, report: RefundReport, now: datetime) -> str:
    payment = await tx.sql.fetchrow(FIND_PAYMENT, provider, None, report.charge_reference)
    if payment is None:
        return "unmatched"
    if report.refund_id is not None and await tx.sql.fetchval(FIND_REFUND, report.refund_id, payment["id"]):
        await record_refunds(tx, [(report.refund_id, report.outcome)], now)
        return "applied"
    if not isinstance(report.outcome, Refunded):
        return "ignored"
    await record_foreign_refund(tx, payment["id"], f"{provider}:{report.reference}", report.amount.amount, now)
    return "applied"
