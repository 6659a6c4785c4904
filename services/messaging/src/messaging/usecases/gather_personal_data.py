"""What messaging keeps about a person."""

from common.contracts.auth import ExportRequested
from common.contracts.messaging import MessagingDataGathered
from common.data_export import publish_export_parts
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

KINDS = {"contact": CONTACT, "messages": MESSAGES, "waiting": WAITING, "usage": USAGE}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, MessagingDataGathered)
