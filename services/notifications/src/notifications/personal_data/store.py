"""Where the other features store data about a person. A new table with such data is added here."""

from collections.abc import Sequence
from uuid import UUID

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

EXPORT_QUERIES = {"contact": CONTACT, "notifications": NOTIFICATIONS, "letters": EMAILS}
"""The names are part of the exported document, which keeps them."""

# Later events about the person find the tombstone and change nothing.
TOMBSTONE = """
INSERT INTO contact (user_id, email, first_name, last_name, language, roles, sequence, erased_at)
SELECT DISTINCT unnest($1::uuid[]), '', '', '', 'en', '{}'::text[], 0, now()
ON CONFLICT (user_id) DO UPDATE SET email = '', first_name = '', last_name = '', language = 'en', roles = '{}',
    erased_at = coalesce(contact.erased_at, now())
"""

ERASE_STATEMENTS = (
    TOMBSTONE,
    "DELETE FROM notification WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM email WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM idempotency WHERE user_id = ANY($1::uuid[])",
)


async def erase(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, user_ids)
