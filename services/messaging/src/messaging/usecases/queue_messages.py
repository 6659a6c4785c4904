"""Queue messages for sending, and say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common import clock
from common.context import Origin, use_origin
from common.contracts.messaging import MessageQueued
from common.ids import new_id
from common.persistence.transaction import Transaction
from messaging.domain.drafts import Draft

INSERT = """
INSERT INTO message (id, user_id, channel, recipient, text, client_ref, cause, charged_to, charged_on,
                     queued_event, correlation_id, traceparent, tracestate, due_at, queued_at)
SELECT *, $14::timestamptz, $14
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
            $9::date[], $10::uuid[], $11::text[], $12::text[], $13::text[])
"""


@dataclass(frozen=True, slots=True)
class Commission:
    """A draft and what asked for it; without an origin, the work at hand did."""

    draft: Draft
    origin: Origin


async def queue_messages(tx: Transaction, commissions: Sequence[Commission]) -> list[UUID]:
    """The new messages' ids. Everything that is later heard of a message is caused by its MessageQueued.

    Raises asyncpg.UniqueViolationError for a cause or a client's reference that has its message already.
    """
    rows = [_row(tx, new_id(), commission) for commission in commissions]
    if not rows:
        return []
    await tx.sql.execute(INSERT, *(list(column) for column in zip(*rows, strict=True)), clock.now())
    return [row[0] for row in rows]


def _row(tx: Transaction, message_id: UUID, commission: Commission) -> tuple[UUID, *tuple[object, ...]]:
    draft = commission.draft
    with use_origin(commission.origin):
        queued = tx.publish(_queued(message_id, draft))
    return (
        message_id,
        draft.user_id,
        draft.channel,
        draft.recipient,
        draft.text,
        draft.client_ref,
        draft.cause,
        draft.charged_to,
        draft.charged_on,
        queued.id,
        queued.correlation_id,
        queued.traceparent,
        queued.tracestate,
    )


def _queued(message_id: UUID, draft: Draft) -> MessageQueued:
    return MessageQueued(
        message_id=message_id,
        user_id=draft.user_id,
        channel=draft.channel,
        recipient=draft.recipient,
        client_ref=draft.client_ref,
    )
