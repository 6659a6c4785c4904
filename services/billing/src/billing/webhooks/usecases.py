"""Applying stored provider events. Each takes a transaction and values and never commits."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billing.payments.domain.provider import PaymentReport, RefundReport, ReportResult
from billing.payments.usecases import apply_payment_report
from billing.refunds.usecases import apply_refund_report
from billing.retries import next_attempt
from billing.webhooks import store
from common.persistence.transaction import Transaction

EventParser = Callable[[Mapping[str, Any]], PaymentReport | RefundReport | None]
"""Parses the JSON of a provider's event; None if it reports nothing that concerns payments."""

MAX_ATTEMPTS = 8
MAX_ERROR_LENGTH = 500


async def apply_event(tx: Transaction, event_id: int, parsers: Mapping[str, EventParser], now: datetime) -> None:
    """Apply the event unless another worker is applying it or has applied it.

    Raises whatever its parser raises for an unexpected payload.
    """
    if (event := await store.lock_event(tx, event_id)) is None:
        return
    provider, payload = event
    report = parsers[provider](json.loads(payload))
    match report:
        case PaymentReport():
            result = await apply_payment_report(tx, provider, report, now)
        case RefundReport():
            result = await apply_refund_report(tx, provider, report, now)
        case None:
            result = ReportResult("ignored")
    await store.finish_event(tx, event_id, result)


async def postpone_event(tx: Transaction, event_id: int, error: str, now: datetime) -> None:
    """Store the error and schedule the next attempt; after the last attempt, the event stays with its error."""
    attempts = await store.count_failure(tx, event_id, f"failed: {error}"[:MAX_ERROR_LENGTH])
    await store.schedule_event(tx, event_id, next_attempt(attempts, now) if attempts < MAX_ATTEMPTS else None)
