"""Tell customers by message that their orders are confirmed; who is not known yet is told once known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from common import clock, metrics
from common.context import Origin
from common.persistence.transaction import Transaction
from messaging.domain.drafts import ORDER_CHANNEL, SHOP, Draft
from messaging.usecases.charge_quota import count_messages
from messaging.usecases.queue_messages import Commission, queue_messages
from messaging.usecases.remember_contacts import phones_of

CONFIRMED_BEFORE = "SELECT cause FROM message WHERE cause = ANY($1::uuid[])"

WAIT = """
INSERT INTO waiting_confirmation (cause, user_id, text, correlation_id, traceparent, tracestate)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
ON CONFLICT (cause) DO NOTHING
"""

END_WAIT = """
DELETE FROM waiting_confirmation WHERE user_id = ANY($1::uuid[])
RETURNING cause, user_id, text, correlation_id, traceparent, tracestate
"""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a customer is told because of the event `cause`."""

    cause: UUID
    user_id: UUID
    text: str
    origin: Origin


async def confirm_orders(tx: Transaction, confirmations: Sequence[Confirmation]) -> None:
    """One message per cause, ever; nothing for a customer without a phone."""
    done = {row["cause"] for row in await tx.sql.fetch(CONFIRMED_BEFORE, [c.cause for c in confirmations])}
    fresh = [confirmation for confirmation in confirmations if confirmation.cause not in done]
    phones = await phones_of(tx, {confirmation.user_id for confirmation in fresh})
    await _wait(tx, [confirmation for confirmation in fresh if confirmation.user_id not in phones])
    reachable = [(c, phone) for c in fresh if (phone := phones.get(c.user_id))]
    metrics.MESSAGES_WITHOUT_PHONE.inc(sum(phones.get(c.user_id, "") is None for c in fresh))
    today = clock.now().astimezone(UTC).date()
    drafts = [
        Commission(Draft(c.user_id, ORDER_CHANNEL, phone, c.text, SHOP, today, cause=c.cause), c.origin)
        for c, phone in reachable
    ]
    if queued := await queue_messages(tx, drafts):
        await count_messages(tx, SHOP, today, len(queued))


async def confirm_waiting(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Send what waited for these people to become known."""
    rows = await tx.sql.fetch(END_WAIT, user_ids)
    if rows:
        await confirm_orders(tx, [_waited(row) for row in rows])


async def _wait(tx: Transaction, confirmations: Sequence[Confirmation]) -> None:
    rows = [
        (c.cause, c.user_id, c.text, c.origin.correlation_id, c.origin.traceparent, c.origin.tracestate)
        for c in confirmations
    ]
    if rows:
        await tx.sql.execute(WAIT, *(list(column) for column in zip(*rows, strict=True)))


def _waited(row: Mapping[str, Any]) -> Confirmation:
    origin = Origin(row["correlation_id"], str(row["cause"]), row["traceparent"], row["tracestate"])
    return Confirmation(row["cause"], row["user_id"], row["text"], origin)
