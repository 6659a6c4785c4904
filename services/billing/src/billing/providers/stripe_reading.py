"""What Stripe's objects mean here. Reads plain JSON, from answers and from webhooks alike.

Sources: Stripe's API reference, "The PaymentIntent object", "The Refund object", "Types of events".
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from billing.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    Refunded,
    RefundOutcome,
    RefundPending,
    RefundRefused,
)
from billing.providers.minor_units import from_stripe
from billing.providers.port import PaymentReport, RefundReport

Json = Mapping[str, Any]

PAYMENT_EVENTS = frozenset(
    f"payment_intent.{change}"
    for change in ("succeeded", "payment_failed", "processing", "requires_action", "canceled")
)
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})


def outcome_of(intent: Json) -> Outcome:
    """What a payment intent says about its charge."""
    reference = intent["id"]
    match intent["status"]:
        case "succeeded":
            received = intent.get("amount_received") or intent["amount"]
            return Captured(reference, from_stripe(received, intent["currency"]))
        case "requires_action":
            return _action_of(intent)
        case "canceled":
            return Cancelled(reference)
        case "requires_payment_method":
            return _decline_of(intent)
    return Processing(reference)


def refund_outcome_of(refund: Json) -> RefundOutcome:
    match refund["status"]:
        case "succeeded":
            return Refunded(refund["id"])
        case "failed" | "canceled":
            reason = refund.get("failure_reason") or refund["status"]
            return RefundRefused(reason, f"Stripe says that the refund is {refund['status']}")
    return RefundPending(f"{refund['status']} at Stripe", refund["id"])


def report_of(event: Json) -> PaymentReport | RefundReport | None:
    """What a webhook's event reports, None when it is of no interest."""
    told = event["data"]["object"]
    if event["type"] in PAYMENT_EVENTS:
        return PaymentReport(_id_in(told, "payment_id"), told["id"], outcome_of(told))
    if event["type"] in REFUND_EVENTS and told.get("payment_intent"):
        amount = from_stripe(told["amount"], told["currency"])
        return RefundReport(
            _id_in(told, "refund_id"), told["payment_intent"], told["id"], amount, refund_outcome_of(told)
        )
    return None


def _action_of(intent: Json) -> ActionRequired:
    action = intent.get("next_action") or {}
    if action.get("type") == "redirect_to_url":
        return ActionRequired(intent["id"], "redirect", action["redirect_to_url"]["url"])
    return ActionRequired(intent["id"], action.get("type", "unknown"))


def _decline_of(intent: Json) -> Declined:
    error = intent.get("last_payment_error") or {}
    code = error.get("decline_code") or error.get("code") or "payment_method_missing"
    return Declined(code, error.get("message") or "The payment needs another payment method", intent["id"])


def _id_in(told: Json, name: str) -> UUID | None:
    try:
        return UUID((told.get("metadata") or {}).get(name, ""))
    except ValueError:
        return None
