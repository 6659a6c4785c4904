"""A provider for development: needs no account, moves no money, and behaves as the token says.

- no token or `tok_ok`: captured
- `tok_decline`: declined
- `tok_action`: waits for the customer
- `tok_slow`: captured, answers after three seconds
- `tok_unknown`: captured, but the first call does not say so
- `tok_late`: stays in process, and is captured when it is cancelled

Without a token the last six digits of the amount decide (AMOUNTS).
"""

import asyncio
from uuid import UUID

import asyncpg

from billing.errors import PaymentNotWaiting
from billing.payments.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    RefundFailed,
    RefundOutcome,
    RefundSucceeded,
    Unknown,
)
from billing.payments.domain.provider import Charge, Refund
from billing.payments.providers.sandbox_ledger import NewCharge, SandboxLedger
from common.money import Money
from common.persistence.database import Database

BEHAVIOURS = {
    "tok_ok": "captured",
    "tok_decline": "declined",
    "tok_action": "action_required",
    "tok_slow": "captured",
    "tok_unknown": "captured",
    "tok_late": "processing",
}
"""Token → state of a new charge."""

AMOUNTS = {
    900_001: "tok_decline",
    900_002: "tok_action",
    900_003: "tok_slow",
    900_004: "tok_unknown",
    900_005: "tok_late",
}
"""The last six digits of an amount in minor units → token; no real price ends so."""

SLOW_SECONDS = 3.0


class SandboxProvider:
    """A PaymentProvider with a ledger of its own."""

    def __init__(self, database: Database) -> None:
        self._ledger = SandboxLedger(database)

    async def charge(self, charge: Charge) -> Outcome:
        behaviour = behaviour_of(charge)
        state = BEHAVIOURS.get(behaviour, "declined")
        row = await self._ledger.charge(NewCharge(charge.payment_id, behaviour, charge.amount, state))
        if row["behaviour"] == "tok_slow":
            await asyncio.sleep(SLOW_SECONDS)
        if row["behaviour"] == "tok_unknown" and row["asked"] == 1:
            return Unknown("the sandbox gives no outcome at the first call", _reference(row))
        return _outcome(row)

    async def query(self, charge: Charge) -> Outcome:
        row = await self._ledger.find(charge.payment_id)
        return Unknown("the sandbox has no such charge") if row is None else _outcome(row)

    async def cancel(self, charge: Charge) -> Outcome:
        return _outcome(await self._ledger.cancel(charge.payment_id, behaviour_of(charge), charge.amount))

    async def complete(self, payment_id: UUID, *, approve: bool) -> Outcome:
        """The customer's decision about a `tok_action` charge. Raises PaymentNotWaiting if none is expected."""
        row = await self._ledger.complete(payment_id, "captured" if approve else "declined")
        if row is None:
            raise PaymentNotWaiting
        return _outcome(row)

    async def refund(self, refund: Refund) -> RefundOutcome:
        if await self._ledger.refund(refund.refund_id, refund.payment_id, refund.amount.amount):
            return RefundSucceeded(f"sandbox_refund_{refund.refund_id}")
        return RefundFailed("not_refundable", "The refund exceeds what is left of the capture")


def behaviour_of(charge: Charge) -> str:
    return charge.method or AMOUNTS.get(charge.amount.amount % 1_000_000, "tok_ok")


def _outcome(row: asyncpg.Record) -> Outcome:
    reference = _reference(row)
    match row["state"]:
        case "captured":
            return Captured(reference, Money(amount=row["captured"], currency=row["currency"]))
        case "action_required":
            url = f"/api/v1/payments/{row['idempotency_key']}/sandbox/complete"
            return ActionRequired(reference, "sandbox", url)
        case "processing":
            return Processing(reference)
        case "cancelled":
            return Cancelled(reference)
    if row["behaviour"] not in BEHAVIOURS:
        known = ", ".join(BEHAVIOURS)
        return Declined("unknown_token", f"The sandbox knows the tokens {known}", reference)
    return Declined("card_declined", "The sandbox declined this payment, as its token says", reference)


def _reference(row: asyncpg.Record) -> str:
    return f"sandbox_{row['idempotency_key']}"
