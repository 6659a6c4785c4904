"""A provider without an account: deterministic, and with books of its own.

The token decides what happens: none or `tok_ok` is captured, `tok_decline` declined, `tok_action` waits for the
customer, `tok_slow` is captured and answers after three seconds, `tok_unknown` is captured but says so only when
asked again, `tok_late` stays in process and captures when it is cancelled. Without a token the last six digits of the
amount decide (AMOUNTS). `sandbox_charge` is the provider's side: a repeated key never charges twice, and what
is captured and refunded there can be compared with our own payments.
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
"""The last six digits of an amount in minor units that behave like a token; unlikely ones, so no price meets them."""

SLOW_SECONDS = 3.0

# The charge of a key seen before is returned as it is, only counted.
CHARGE = """
INSERT INTO sandbox_charge AS charge (idempotency_key, behaviour, amount, currency, state, captured)
VALUES ($1, $2, $3, $4, $5, CASE $5 WHEN 'captured' THEN $3::bigint ELSE 0 END)
ON CONFLICT (idempotency_key) DO UPDATE SET asked = charge.asked + 1
RETURNING *
"""
QUERY = "UPDATE sandbox_charge SET asked = asked + 1 WHERE idempotency_key = $1 RETURNING *"
# A late charge is captured by its cancellation; a key never seen is cancelled before it arrives.
CANCEL = """
INSERT INTO sandbox_charge AS charge (idempotency_key, behaviour, amount, currency, state)
VALUES ($1, $2, $3, $4, 'cancelled')
ON CONFLICT (idempotency_key) DO UPDATE SET asked = charge.asked + 1,
    state = CASE charge.state WHEN 'processing' THEN 'captured' WHEN 'action_required' THEN 'cancelled'
            ELSE charge.state END,
    captured = CASE charge.state WHEN 'processing' THEN charge.amount ELSE charge.captured END
RETURNING *
"""
COMPLETE = """
UPDATE sandbox_charge SET state = $2::text, captured = CASE $2::text WHEN 'captured' THEN amount ELSE 0 END
WHERE idempotency_key = $1 AND state = 'action_required' RETURNING *
"""
LOCK = "SELECT captured - refunded AS refundable FROM sandbox_charge WHERE idempotency_key = $1 FOR UPDATE"
REFUND = "INSERT INTO sandbox_refund (idempotency_key, charge, amount) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
GIVE_BACK = "UPDATE sandbox_charge SET refunded = refunded + $2 WHERE idempotency_key = $1"
KNOWN_REFUND = "SELECT true FROM sandbox_refund WHERE idempotency_key = $1"


class SandboxProvider:
    """Charges nobody. Keeps its books in transactions of its own, as a provider elsewhere would."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def charge(self, charge: Charge) -> Outcome:
        behaviour = behaviour_of(charge)
        state = BEHAVIOURS.get(behaviour, "declined")
        amount = charge.amount
        row = await self._write(CHARGE, charge.payment_id, behaviour, amount.amount, amount.currency, state)
        if row["behaviour"] == "tok_slow":
            await asyncio.sleep(SLOW_SECONDS)
        if row["behaviour"] == "tok_unknown" and row["asked"] == 1:
            return Unknown("the sandbox does not say at first", _reference(row))
        return _outcome(row)

    async def query(self, charge: Charge) -> Outcome:
        return _outcome(await self._write(QUERY, charge.payment_id))

    async def cancel(self, charge: Charge) -> Outcome:
        amount = charge.amount
        row = await self._write(CANCEL, charge.payment_id, behaviour_of(charge), amount.amount, amount.currency)
        return _outcome(row)

    async def complete(self, payment_id: UUID, *, approve: bool) -> Outcome:
        """What the customer does about `tok_action`. Conflict when the charge does not wait for anybody."""
        async with self._database.begin() as tx:
            row = await tx.sql.fetchrow(COMPLETE, payment_id, "captured" if approve else "declined")
        if row is None:
            raise Conflict("This payment does not wait for its customer", code="payment_not_waiting")
        return _outcome(row)

    async def refund(self, refund: Refund) -> RefundOutcome:
        async with self._database.begin() as tx:
            refundable = await tx.sql.fetchval(LOCK, refund.payment_id)
            if await tx.sql.fetchval(KNOWN_REFUND, refund.refund_id):
                return Refunded(f"sandbox_refund_{refund.refund_id}")
            if refundable is None or refund.amount.amount > refundable:
                return RefundRefused("not_refundable", "More than what was captured and not given back yet")
            await tx.sql.execute(REFUND, refund.refund_id, refund.payment_id, refund.amount.amount)
            await tx.sql.execute(GIVE_BACK, refund.payment_id, refund.amount.amount)
        return Refunded(f"sandbox_refund_{refund.refund_id}")

    async def _write(self, statement: str, *values: object) -> asyncpg.Record:
        async with self._database.begin() as tx:
            return await tx.sql.fetchrow(statement, *values)


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
