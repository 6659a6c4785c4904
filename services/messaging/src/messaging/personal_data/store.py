"""Where the other features store data about a person. A new table with such data is added here."""

from collections.abc import Sequence
from uuid import UUID

from common.data_export import ExportQueries
from common.persistence.transaction import Transaction

CONTACT = "SELECT phone, time_zone, max_messages_per_day FROM contact WHERE user_id = $1"
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

EXPORT: ExportQueries = {"contact": CONTACT, "messages": MESSAGES, "waiting": WAITING, "usage": USAGE}

# The reports of a message are deleted with it; later reports find no message.
DELETE = [
    f"DELETE FROM {table} WHERE user_id = ANY($1::uuid[])"  # noqa: S608 (the names are ours)
    for table in ("message", "waiting_confirmation", "quota_usage", "idempotency")
]


async def delete_of(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Delete everything but the contacts of these people."""
    for statement in DELETE:
        await tx.sql.execute(statement, user_ids)
