"""A provider without an account: deterministic, with books of its own.

The token decides what happens: none or `tok_ok` is captured, `tok_decline` declined, `tok_action` waits for the
customer, `tok_slow` is captured and answers after three seconds, `tok_unknown` is captured but says so only when
asked again, `tok_late` stays in process and captures when it is cancelled. Without a token the last six digits of
the amount decide (AMOUNTS).
"""

import asyncio
from uuid import UUID

import asyncpg

from billing.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    Refunded,
    RefundOutcome,
    RefundRefused,
    Unknown,
)
from billing.providers.port import Charge, Refund
from billing.providers.sandbox_books import Entry, SandboxBooks
from common.errors import Conflict
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
"""The last six digits of an amount in minor units that stand for a token; so odd that no price meets them."""

SLOW_SECONDS = 3.0


class SandboxProvider:
    """Charges nobody."""

    def __init__(self, database: Database) -> None:
        self._books = SandboxBooks(database)

    async def charge(self, charge: Charge) -> Outcome:
        behaviour = behaviour_of(charge)
        state = BEHAVIOURS.get(behaviour, "declined")
        row = await self._books.enter(Entry(charge.payment_id, behaviour, charge.amount, state))
        if row["behaviour"] == "tok_slow":
            await asyncio.sleep(SLOW_SECONDS)
        if row["behaviour"] == "tok_unknown" and row["asked"] == 1:
            return Unknown("the sandbox does not say at first", _reference(row))
        return _outcome(row)

    async def query(self, charge: Charge) -> Outcome:
        row = await self._books.find(charge.payment_id)
        return Unknown("not in the books") if row is None else _outcome(row)

    async def cancel(self, charge: Charge) -> Outcome:
        return _outcome(await self._books.cancel(charge.payment_id, behaviour_of(charge), charge.amount))

    async def complete(self, payment_id: UUID, *, approve: bool) -> Outcome:
        """What the customer does about `tok_action`. Conflict when the charge does not wait for anybody."""
        row = await self._books.complete(payment_id, "captured" if approve else "declined")
        if row is None:
            raise Conflict("This payment does not wait for its customer", code="payment_not_waiting")
        return _outcome(row)

    async def refund(self, refund: Refund) -> RefundOutcome:
        if await self._books.refund(refund.refund_id, refund.payment_id, refund.amount.amount):
            return Refunded(f"sandbox_refund_{refund.refund_id}")
        return RefundRefused("not_refundable", "More than what was captured and not given back yet")


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
    return Declined("card_declined", "The sandbox declined this payment as it was asked to", reference)


def _reference(row: asyncpg.Record) -> str:
    return f"sandbox_{row['idempotency_key']}"
