"""What notifications keeps about a person, without what was sealed for their letters."""

from common.contracts.auth import ExportRequested
from common.contracts.notifications import NotificationsDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction

CONTACT = "SELECT email, first_name, last_name, language FROM contact WHERE user_id = $1"
NOTIFICATIONS = """
SELECT id, topic, title, body, data, created_at, read_at FROM notification WHERE user_id = $1 ORDER BY id DESC
"""
LETTERS = """
SELECT id, template, data - 'sealed' AS data, state, recipient, language, created_at, sent_at
FROM email WHERE user_id = $1 ORDER BY id DESC
"""

KINDS = {"contact": CONTACT, "notifications": NOTIFICATIONS, "letters": LETTERS}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, NotificationsDataGathered)
