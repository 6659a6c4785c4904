"""Where the other features store data about a person. A new table with such data is added here."""

from collections.abc import Sequence
from uuid import UUID

from common.data_export import ExportQueries
from common.persistence.transaction import Transaction

CONTACT = "SELECT email, first_name, last_name, language FROM contact WHERE user_id = $1"
NOTIFICATIONS = """
SELECT id, topic, title, body, data, created_at, read_at FROM notification WHERE user_id = $1 ORDER BY id DESC
"""
# Without the sealed data: it is for the reader of the mailbox.
EMAILS = """
SELECT id, template, data - 'sealed' AS data, state, recipient, language, created_at, sent_at
FROM email WHERE user_id = $1 ORDER BY id DESC
"""

EXPORT: ExportQueries = {"contact": CONTACT, "notifications": NOTIFICATIONS, "letters": EMAILS}
"""The names are part of the exported document, which keeps them."""

DELETE = [
    f"DELETE FROM {table} WHERE user_id = ANY($1::uuid[])"  # noqa: S608 (the names are ours)
    for table in ("notification", "email", "idempotency")
]


async def delete_of(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Delete everything but the contacts of these people."""
    for statement in DELETE:
        await tx.sql.execute(statement, user_ids)
