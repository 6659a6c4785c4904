"""SQL of outgoing e-mails."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import ALWAYS, TimeRange
from notifications.emails.domain import Email
from notifications.emails.tables import EmailRow

# A cause has at most one e-mail, even after the consumer's inbox has deleted its record of the event.
INSERT = """
INSERT INTO email (id, user_id, template, data, state, cause, correlation_id, traceparent, tracestate,
                   next_attempt_at, created_at)
SELECT *, $10::timestamptz, $10
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[])
ON CONFLICT (cause) DO NOTHING
"""

RELEASE = """
UPDATE email SET state = 'queued', next_attempt_at = $2 WHERE state = 'waiting_contact' AND user_id = ANY($1::uuid[])
"""

# While an e-mail is sent, `next_attempt_at` is the end of its lease: a crashed worker's e-mails become due again.
CLAIM_DUE = """
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

# The sealed data is deleted once the e-mail is sent or has failed. A worker whose lease has expired changes nothing:
# the row has another attempt number by then.
RECORD = """
UPDATE email SET state = result.state, next_attempt_at = coalesce(result.next_attempt_at, email.next_attempt_at),
                 data = CASE WHEN result.state = 'queued' THEN data ELSE data - 'sealed' END,
                 last_error = result.error, sent_at = CASE WHEN result.state = 'sent' THEN $6::timestamptz END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::text[])
     AS result (id, attempt, state, next_attempt_at, error)
WHERE email.id = result.id AND email.state = 'sending' AND email.attempts = result.attempt
RETURNING email.id, user_id, template, email.state, last_error, cause, correlation_id, traceparent, tracestate
"""


FOUND = text(contains(["recipient", "template", "last_error"], ":search"))


async def insert_emails(tx: Transaction, rows: Iterable[Sequence[object]], now: datetime) -> None:
    """A cause that has its e-mail already is skipped."""
    await tx.sql.execute(INSERT, *columns(rows), now)


async def release_waiting(tx: Transaction, user_ids: Sequence[UUID], now: datetime) -> None:
    """Queue the e-mails that wait for these people's contacts."""
    await tx.sql.execute(RELEASE, user_ids, now)


async def claim_due(tx: Transaction, limit: int, now: datetime, lease: timedelta) -> list[Email]:
    """Lease up to `limit` due e-mails, addressed to the contact's current address or to their own `to`."""
    return [_email(row) for row in await tx.sql.fetch(CLAIM_DUE, now, now + lease, limit)]


async def record_results(
    tx: Transaction, rows: Iterable[Sequence[object]], now: datetime
) -> Sequence[Mapping[str, Any]]:
    """Rows are (id, attempt, state, time of the next attempt, error); the rows that changed."""
    changed: Sequence[Mapping[str, Any]] = await tx.sql.fetch(RECORD, *columns(rows), now)
    return changed


@dataclass(frozen=True, slots=True)
class EmailFilter:
    """None filters nothing."""

    state: str | None = None
    template: str | None = None
    user_id: UUID | None = None
    created: TimeRange = ALWAYS
    search: str | None = None


async def list_emails(tx: Transaction, wanted: EmailFilter, *, before: UUID | None, limit: int) -> Sequence[EmailRow]:
    """Newest first; `before` is the id of the previous page's last e-mail."""
    filters = {EmailRow.state: wanted.state, EmailRow.template: wanted.template, EmailRow.user_id: wanted.user_id}
    statement = select(EmailRow)
    for column, value in filters.items():
        if value is not None:
            statement = statement.where(col(column) == value)
    if wanted.created.since is not None:
        statement = statement.where(col(EmailRow.created_at) >= wanted.created.since)
    if wanted.created.until is not None:
        statement = statement.where(col(EmailRow.created_at) < wanted.created.until)
    if wanted.search is not None:
        statement = statement.where(FOUND.bindparams(search=wanted.search))
    if before is not None:
        statement = statement.where(col(EmailRow.id) < before)
    return (await tx.session.exec(statement.order_by(col(EmailRow.id).desc()).limit(limit))).all()


def _email(row: Mapping[str, Any]) -> Email:
    return Email(
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
