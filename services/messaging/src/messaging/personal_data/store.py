"""Where the other features store data about a person. A new table with such data is added here."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction

CONTACT = "SELECT phone, whatsapp_number, time_zone, max_messages_per_day FROM contact WHERE user_id = $1"
MESSAGES = """
SELECT id, channel, recipient, type, text, client_ref, status, error_code, error_message, queued_at, sent_at,
       delivered_at, read_at,
       (SELECT coalesce(json_agg(json_build_object('status', report.status, 'at', at, 'detail', detail)
                                 ORDER BY at), '[]')
        FROM message_report AS report WHERE message_id = message.id) AS events
FROM message WHERE user_id = $1 ORDER BY id DESC
"""
WAITING = "SELECT text FROM waiting_confirmation WHERE user_id = $1 ORDER BY cause DESC"
USAGE = "SELECT day, used FROM quota_usage WHERE user_id = $1 ORDER BY day DESC"

EXPORT_QUERIES = {"contact": CONTACT, "messages": MESSAGES, "waiting": WAITING, "usage": USAGE}

# Later events about the person find the tombstone and change nothing.
TOMBSTONE = """
INSERT INTO contact (user_id, phone, time_zone, sequence, erased_at)
SELECT DISTINCT unnest($1::uuid[]), NULL, 'UTC', 0, now()
ON CONFLICT (user_id) DO UPDATE
SET phone = NULL, whatsapp_number = NULL, time_zone = 'UTC', max_messages_per_day = NULL,
    erased_at = coalesce(contact.erased_at, now())
"""

ERASE_STATEMENTS = (
    TOMBSTONE,
    # The reports of a message are deleted with it; later reports find no message.
    "DELETE FROM message WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM waiting_confirmation WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM quota_usage WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM idempotency WHERE user_id = ANY($1::uuid[])",
)


async def erase(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, user_ids)
