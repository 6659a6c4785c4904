"""Requesting refunds and recording their outcomes. Each takes a transaction and values and never commits."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from billing.errors import PaymentNotFound
from billing.payments.domain.outcomes import RefundFailed, RefundOutcome, RefundPending, RefundSucceeded
from billing.payments.domain.payment import Change, Payment, PendingRefund
from billing.payments.domain.provider import RefundReport, ReportResult
from billing.payments.usecases import lock_payments, save_changes, schedule_refunds
from billing.refunds import store
from billing.refunds.domain import amount_to_refund, complete_refund
from billing.refunds.store import LockedRefund, RefundUpdate
from billing.retries import next_attempt
from common import context
from common.context import Origin
from common.ids import new_id
from common.money import Money
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)


async def request_refund(tx: Transaction, payment_id: UUID, amount: Money | None, reason: str, now: datetime) -> UUID:
    """Schedule a refund of `amount`, or of all that is left; a job carries it out. The id of the refund.

    Raises PaymentNotFound or an error of `amount_to_refund`. Concurrent requests wait for the lock on the payment.
    """
    if (locked := (await lock_payments(tx, [payment_id])).get(payment_id)) is None:
        raise PaymentNotFound
    minor_units = amount_to_refund(locked.payment, amount)
    refund_id = new_id()
    origin = context.current() or Origin(correlation_id=str(refund_id))
    await save_changes(tx, [(Change(locked.payment.schedule_refund(minor_units)), origin)], now)
    refund = PendingRefund(refund_id, payment_id, f"staff:{refund_id}", minor_units, reason)
    await schedule_refunds(tx, [(refund, origin)], now)
    return refund_id


async def record_refunds(tx: Transaction, results: Sequence[tuple[UUID, RefundOutcome]], now: datetime) -> None:
    """Apply outcomes by refund id. Refunds that are final already stay as they are."""
    outcomes = dict(results)
    payments = await lock_payments(tx, await store.payments_of(tx, outcomes))
    refunds = await store.lock_pending_refunds(tx, outcomes)
    await store.save_refunds(tx, [_update(refund, outcomes[refund.id], now) for refund in refunds], now)
    for refund in refunds:
        # One by one: two refunds of one payment in a batch build on each other, and refunds are rare.
        locked = payments[refund.payment_id]
        change = _change(locked.payment, refund, outcomes[refund.id])
        if change is not None:
            await save_changes(tx, [(change, refund.origin)], now)
            payments[refund.payment_id] = replace(locked, payment=change.payment)


async def apply_refund_report(tx: Transaction, provider: str, report: RefundReport, now: datetime) -> ReportResult:
    """Apply what a webhook reports about a refund, made through us or at the provider."""
    found = await store.find_charge(tx, provider, report.charge_reference, report.refund_id)
    if found is None:
        return ReportResult("unmatched")
    payment_id, is_ours = found
    if report.refund_id is not None and is_ours:
        await record_refunds(tx, [(report.refund_id, report.outcome)], now)
        return ReportResult("applied", payment_id)
    if not isinstance(report.outcome, RefundSucceeded):
        return ReportResult("ignored", payment_id)
    await _record_external_refund(tx, payment_id, f"{provider}:{report.reference}", report.amount.amount, now)
    return ReportResult("applied", payment_id)


async def _record_external_refund(tx: Transaction, payment_id: UUID, cause: str, amount: int, now: datetime) -> None:
    """Record a refund that was made at the provider, once per `cause`.

    More than is left of the capture violates a constraint of the table.
    """
    locked = (await lock_payments(tx, [payment_id]))[payment_id]
    if await store.has_refund(tx, payment_id, cause):
        return
    refund = PendingRefund(new_id(), payment_id, cause, amount, "refunded_at_provider")
    change = complete_refund(locked.payment.schedule_refund(amount), amount, refund.reason)
    await schedule_refunds(tx, [(refund, locked.origin)], now)
    await store.complete_refund(tx, refund.refund_id, now)
    await save_changes(tx, [(change, locked.origin)], now)


def _change(payment: Payment, refund: LockedRefund, outcome: RefundOutcome) -> Change | None:
    match outcome:
        case RefundSucceeded():
            return complete_refund(payment, refund.amount, refund.reason)
        case RefundFailed(code, message):
            log.error("refund %s of payment %s failed: %s %s", refund.id, payment.id, code, message)
            return Change(payment.cancel_refund(refund.amount))
        case RefundPending():
            return None


def _update(refund: LockedRefund, outcome: RefundOutcome, now: datetime) -> RefundUpdate:
    match outcome:
        case RefundSucceeded(reference):
            return RefundUpdate(refund.id, "succeeded", reference)
        case RefundFailed(code, message):
            return RefundUpdate(refund.id, "failed", failure_code=code, failure_message=message)
        case RefundPending(reason, reference):
            return RefundUpdate(
                refund.id,
                "pending",
                reference,
                failure_message=reason,
                next_attempt_at=next_attempt(refund.attempts, now),
            )
