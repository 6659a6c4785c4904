"""Translates Stripe's objects into outcomes. Reads plain JSON, of API responses and of webhooks alike.

Sources: Stripe's API reference, "The PaymentIntent object", "The Refund object", "Types of events".
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from billing.payments.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundSucceeded,
)
from billing.payments.domain.provider import PaymentReport, RefundReport
from billing.payments.providers.minor_units import from_stripe

Json = Mapping[str, Any]

PAYMENT_EVENTS = frozenset(
    f"payment_intent.{change}"
    for change in ("succeeded", "payment_failed", "processing", "requires_action", "canceled")
)
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})


def payment_outcome(intent: Json) -> Outcome:
    """The outcome that a payment intent stands for."""
    reference = intent["id"]
    match intent["status"]:
        case "succeeded":
            received = intent.get("amount_received") or intent["amount"]
            return Captured(reference, from_stripe(received, intent["currency"]))
        case "requires_action":
            return _action_required(intent)
        case "canceled":
            return Cancelled(reference)
        case "requires_payment_method":
            return _declined(intent)
    return Processing(reference)


def refund_outcome(refund: Json) -> RefundOutcome:
    """The outcome that a refund stands for."""
    match refund["status"]:
        case "succeeded":
            return RefundSucceeded(refund["id"])
        case "failed" | "canceled":
            reason = refund.get("failure_reason") or refund["status"]
            return RefundFailed(reason, f"The refund is {refund['status']} at Stripe")
    return RefundPending(f"{refund['status']} at Stripe", refund["id"])


def parse_event(event: Json) -> PaymentReport | RefundReport | None:
    """What an event of a webhook reports; None if it concerns neither a charge nor a refund of one."""
    subject = event["data"]["object"]
    if event["type"] in PAYMENT_EVENTS:
        return PaymentReport(_metadata_id(subject, "payment_id"), subject["id"], payment_outcome(subject))
    if event["type"] in REFUND_EVENTS and subject.get("payment_intent"):
        return RefundReport(
            refund_id=_metadata_id(subject, "refund_id"),
            charge_reference=subject["payment_intent"],
            reference=subject["id"],
            amount=from_stripe(subject["amount"], subject["currency"]),
            outcome=refund_outcome(subject),
        )
    return None


def _action_required(intent: Json) -> ActionRequired:
    action = intent.get("next_action") or {}
    if action.get("type") == "redirect_to_url":
        return ActionRequired(intent["id"], "redirect", action["redirect_to_url"]["url"])
    return ActionRequired(intent["id"], action.get("type", "unknown"))


def _declined(intent: Json) -> Declined:
    error = intent.get("last_payment_error") or {}
    code = error.get("decline_code") or error.get("code") or "payment_method_missing"
    return Declined(code, error.get("message") or "The payment needs another payment method", intent["id"])


def _metadata_id(subject: Json, name: str) -> UUID | None:
    """Our id in the object's metadata; None if there is none, or another value."""
    try:
        return UUID((subject.get("metadata") or {}).get(name, ""))
    except ValueError:
        return None
