"""Opening, charging and cancelling payments. Each takes a transaction and values and never commits."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from billing.payments.domain.outcomes import Outcome
from billing.payments.domain.payment import Change, PendingRefund, apply_outcome, cancel, open_payment
from billing.payments.domain.provider import PaymentReport, ReportResult
from billing.payments.store import payments, pending_refunds
from billing.payments.store.payments import LockedPayment
from billing.retries import BACKOFF
from common.context import Origin, use_origin
from common.contracts.billing import PaymentCancelled
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.ids import new_id
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)


async def open_payments(
    tx: Transaction, requests: Sequence[PaymentRequested], enabled_providers: Collection[str], now: datetime
) -> None:
    """Open one payment per order. Those that need no provider are final at once, and their event is published.

    Publishes PaymentCancelled for an order that was cancelled before: orders may wait for the end of a payment that
    it requested.
    """
    opened = [(_open(request, enabled_providers, now), request) for request in requests]
    rows = [(change.payment, tx.cloud_event_of(request).origin()) for change, request in opened]
    new = await payments.insert_payments(tx, rows, now)
    for change, request in opened:
        if change.event is not None and change.payment.id in new:
            tx.publish(change.event, cause=request)
    others = [request for change, request in opened if change.payment.id not in new]
    cancelled = await payments.find_tombstones(tx, [request.order_id for request in others]) if others else set()
    for request in others:
        if request.order_id in cancelled:
            tx.publish(PaymentCancelled(order_id=request.order_id, customer_id=request.customer_id), cause=request)


async def cancel_payments(tx: Transaction, cancellations: Sequence[OrderCancelled], now: datetime) -> None:
    """Insert a tombstone for an order without a payment; cancel or refund the payments of the others."""
    origins = {event.order_id: tx.cloud_event_of(event).origin() for event in cancellations}
    await payments.insert_tombstones(tx, [(event, origins[event.order_id]) for event in cancellations], now)
    locked = await payments.lock_payments_of_orders(tx, origins)
    changes = [(cancel(each.payment, now), origins[each.payment.order_id]) for each in locked]
    await save_changes(tx, changes, now)


async def record_outcomes(tx: Transaction, outcomes: Sequence[tuple[UUID, Outcome]], now: datetime) -> None:
    """Apply outcomes by payment id; several about one payment in the given order."""
    locked = await lock_payments(tx, (payment_id for payment_id, _ in outcomes))
    for batch in _without_duplicates(outcomes):
        changes = {
            payment_id: apply_outcome(locked[payment_id].payment, outcome, now, BACKOFF.after)
            for payment_id, outcome in batch.items()
        }
        await save_changes(tx, [(change, locked[payment_id].origin) for payment_id, change in changes.items()], now)
        for payment_id, change in changes.items():
            locked[payment_id] = LockedPayment(change.payment, locked[payment_id].origin)


async def apply_payment_report(tx: Transaction, provider: str, report: PaymentReport, now: datetime) -> ReportResult:
    """Apply what a webhook reports about a charge."""
    found = await payments.find_payment(tx, provider, report.payment_id, report.reference)
    if found is None:
        return ReportResult("unmatched")
    payment_id, reference = found
    if reference not in (None, report.reference):
        log.error("%s reports a second charge %s for payment %s", provider, report.reference, payment_id)
        return ReportResult("second_charge", payment_id)
    await record_outcomes(tx, [(payment_id, report.outcome)], now)
    return ReportResult("applied", payment_id)


async def lock_payments(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, LockedPayment]:
    """The payments by id, locked until the transaction ends. Ids of tombstones and unknown ids are left out."""
    return {locked.payment.id: locked for locked in await payments.lock_payments(tx, ids)}


async def save_changes(tx: Transaction, changes: Sequence[tuple[Change, Origin]], now: datetime) -> None:
    """Save payments that the caller has locked; publish their events and schedule their refunds.

    The origin of each change becomes the origin of its event and its refund.
    """
    if not changes:
        return
    await payments.save_payments(tx, (change.payment for change, _ in changes), now)
    for change, origin in changes:
        if change.event is not None:
            with use_origin(origin):
                tx.publish(change.event)
    await schedule_refunds(
        tx, [(_compensation(change), origin) for change, origin in changes if change.refund_amount], now
    )


async def schedule_refunds(tx: Transaction, refunds: Sequence[tuple[PendingRefund, Origin]], now: datetime) -> None:
    """Insert refunds whose amounts the caller has set aside on the locked payments; a job carries them out."""
    if refunds:
        await pending_refunds.insert_pending_refunds(tx, refunds, now)


def _open(request: PaymentRequested, enabled_providers: Collection[str], now: datetime) -> Change:
    return open_payment(
        new_id(),
        order_id=request.order_id,
        customer_id=request.customer_id,
        number=request.number,
        provider=request.provider,
        method=request.payment_method,
        amount=request.amount,
        enabled_providers=enabled_providers,
        now=now,
    )


def _without_duplicates(outcomes: Sequence[tuple[UUID, Outcome]]) -> list[dict[UUID, Outcome]]:
    """The outcomes in batches that hold at most one outcome per payment."""
    batches: list[dict[UUID, Outcome]] = []
    for payment_id, outcome in outcomes:
        batch = next((batch for batch in batches if payment_id not in batch), None)
        if batch is None:
            batches.append(batch := {})
        batch[payment_id] = outcome
    return batches


def _compensation(change: Change) -> PendingRefund:
    payment = change.payment
    reason = "order_cancelled" if payment.cancel_requested else "captured_after_failure"
    return PendingRefund(new_id(), payment.id, "compensation", change.refund_amount, reason)
