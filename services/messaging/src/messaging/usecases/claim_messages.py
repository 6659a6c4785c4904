"""Take due messages for sending, and sent ones to ask after: marked and committed before a provider is called."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from common import clock
from common.persistence.transaction import Transaction
from messaging.providers.channel import Outgoing, Pending

# `due_at` of a message that is being sent is when its claim ends. A crashed worker's messages then come up again,
# under the same idempotency key, so that the provider does not send them twice.
CLAIM = """
WITH due AS (
    SELECT id FROM message WHERE status IN ('queued', 'sending') AND due_at <= $1
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE message SET status = 'sending', attempts = attempts + 1, due_at = $2
FROM due WHERE message.id = due.id
RETURNING message.id, channel, recipient, text, attempts
"""

# Asked ever more seldom, and no more once nobody can expect an answer.
ASK = """
WITH due AS (
    SELECT id FROM message WHERE status = 'sent' AND due_at <= $1
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE message SET due_at = CASE WHEN sent_at < $1 - interval '3 days' THEN 'infinity'
                                 ELSE $1 + greatest(interval '5 s', least(interval '1 h', $1 - sent_at)) END
FROM due WHERE message.id = due.id
RETURNING message.id, provider_id, recipient
"""


async def claim_due(tx: Transaction, limit: int, lease: timedelta) -> list[Outgoing]:
    """Up to `limit` messages to send; nobody else gets them for `lease`."""
    now = clock.now()
    return [_outgoing(row) for row in await tx.sql.fetch(CLAIM, now, now + lease, limit)]


async def claim_unreported(tx: Transaction, limit: int) -> list[Pending]:
    """Up to `limit` messages that a provider took and has said nothing more of."""
    rows = await tx.sql.fetch(ASK, clock.now(), limit)
    return [Pending(row["id"], row["provider_id"], row["recipient"]) for row in rows]


def _outgoing(row: Mapping[str, Any]) -> Outgoing:
    return Outgoing(row["id"], row["channel"], row["recipient"], row["text"], row["attempts"])
