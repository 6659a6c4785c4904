"""Queue messages for sending."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from common import clock
from common.context import Origin, current, use_origin
from common.contracts.messaging import MessageQueued
from common.ids import new_id
from common.persistence.transaction import Transaction
from messaging.errors import ClientRefUsed
from messaging.messages import store
from messaging.messages.domain import Channel, NewMessage
from messaging.quotas.usecases import charge_quota


async def send_text(
    tx: Transaction, user_id: UUID, *, recipient: str, text: str, channel: Channel, client_ref: str | None, limit: int
) -> UUID:
    """Queue a user's own text message and charge it; its id. Raises QuotaExceeded or ClientRefUsed."""
    day = await charge_quota(tx, user_id, limit)
    message = NewMessage(user_id, channel, recipient, text, charged_to=user_id, charged_on=day, client_ref=client_ref)
    try:
        [message_id] = await queue_messages(tx, [(message, current() or Origin(str(new_id())))])
    except asyncpg.UniqueViolationError as error:
        raise ClientRefUsed from error
    return message_id


async def queue_messages(tx: Transaction, messages: Iterable[tuple[NewMessage, Origin]]) -> list[UUID]:
    """Queue each message, caused by its origin; returns the new ids.

    Each message's MessageQueued is the cause of every later event about it. Raises asyncpg.UniqueViolationError if a
    message with the same cause or client reference exists.
    """
    rows = [_row(tx, new_id(), message, origin) for message, origin in messages]
    if rows:
        await store.insert_messages(tx, rows, clock.now())
    return [row[0] for row in rows]


def _row(tx: Transaction, message_id: UUID, message: NewMessage, origin: Origin) -> tuple[UUID, *tuple[object, ...]]:
    with use_origin(origin):
        queued = tx.publish(_queued(message_id, message))
    return (
        message_id,
        message.user_id,
        message.channel,
        message.recipient,
        message.text,
        message.client_ref,
        message.cause,
        message.charged_to,
        message.charged_on,
        queued.id,
        queued.correlation_id,
        queued.traceparent,
        queued.tracestate,
    )


def _queued(message_id: UUID, message: NewMessage) -> MessageQueued:
    return MessageQueued(
        message_id=message_id,
        user_id=message.user_id,
        channel=message.channel,
        recipient=message.recipient,
        client_ref=message.client_ref,
    )
