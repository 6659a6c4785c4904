"""Confirm orders to their customers by message; customers who have no contact yet get it once they have one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from common import clock, metrics
from common.context import Origin
from common.persistence.transaction import Transaction
from messaging.contacts.usecases import phones_of
from messaging.messages import store
from messaging.messages.domain import ORDER_CHANNEL, NewMessage
from messaging.messages.usecases.queue_messages import queue_messages
from messaging.quotas.domain import PLATFORM_ACCOUNT
from messaging.quotas.usecases import charge_platform


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A text for a customer because of the event `cause`."""

    cause: UUID
    user_id: UUID
    text: str
    origin: Origin


async def confirm_orders(tx: Transaction, confirmations: Sequence[Confirmation]) -> None:
    """Queue at most one message per cause; none for a customer without a phone."""
    used = await store.used_causes(tx, [c.cause for c in confirmations])
    fresh = [confirmation for confirmation in confirmations if confirmation.cause not in used]
    phones = await phones_of(tx, {confirmation.user_id for confirmation in fresh})
    await _wait_for_contact(tx, [confirmation for confirmation in fresh if confirmation.user_id not in phones])
    metrics.MESSAGES_WITHOUT_PHONE.inc(sum(phones.get(c.user_id, "") is None for c in fresh))
    today = clock.now().astimezone(UTC).date()
    messages = [
        (NewMessage(c.user_id, ORDER_CHANNEL, phone, c.text, PLATFORM_ACCOUNT, today, cause=c.cause), c.origin)
        for c in fresh
        if (phone := phones.get(c.user_id))
    ]
    if queued := await queue_messages(tx, messages):
        await charge_platform(tx, today, len(queued))


async def confirm_waiting_orders(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Queue the confirmations that waited for these people's contacts."""
    rows = await store.take_waiting(tx, user_ids)
    if rows:
        await confirm_orders(tx, [_confirmation(row) for row in rows])


async def _wait_for_contact(tx: Transaction, confirmations: Sequence[Confirmation]) -> None:
    rows = [
        (c.cause, c.user_id, c.text, c.origin.correlation_id, c.origin.traceparent, c.origin.tracestate)
        for c in confirmations
    ]
    if rows:
        await store.insert_waiting(tx, rows)


def _confirmation(row: Mapping[str, Any]) -> Confirmation:
    origin = Origin(row["correlation_id"], str(row["cause"]), row["traceparent"], row["tracestate"])
    return Confirmation(row["cause"], row["user_id"], row["text"], origin)
