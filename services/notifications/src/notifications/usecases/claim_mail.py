"""Take due mails for sending: marked and committed before anybody talks to a mail server."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from common import clock
from common.persistence.transaction import Transaction
from notifications.domain.mail import Mail

# `next_attempt_at` of a mail that is being sent is when its claim ends: a crashed worker's mails come up again.
CLAIM = """
WITH due AS (
    SELECT id FROM email WHERE state IN ('queued', 'sending') AND next_attempt_at <= $1
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE email SET state = 'sending', attempts = attempts + 1, next_attempt_at = $2,
                 recipient = coalesce(email.data->>'to', contact.email), language = contact.language
FROM due, contact WHERE email.id = due.id AND contact.user_id = email.user_id
RETURNING email.id, email.user_id, email.recipient, contact.first_name, email.language, email.template, email.data,
          email.attempts, email.created_at
"""


async def claim_mail(tx: Transaction, limit: int, lease: timedelta) -> list[Mail]:
    """Up to `limit` due mails, addressed to where their people are reached now, or where the mail itself says; nobody
    else gets them for `lease`."""
    now = clock.now()
    return [_mail(row) for row in await tx.sql.fetch(CLAIM, now, now + lease, limit)]


def _mail(row: Mapping[str, Any]) -> Mail:
    return Mail(
        id=row["id"],
        user_id=row["user_id"],
        recipient=row["recipient"],
        first_name=row["first_name"],
        language=row["language"],
        template=row["template"],
        data=row["data"],
        attempt=row["attempts"],
        created_at=row["created_at"],
    )
