"""Write down what became of claimed mails, and say so to others."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from common import clock
from common.context import Origin, use_origin
from common.contracts.notifications import EmailFailed, EmailSent
from common.persistence.transaction import Transaction
from notifications.domain.mail import Deferred, Mail, Outcome, Refused, Sent, pause_after

SPENT = "no attempt is left"

# What was sealed goes with the letter: nobody has to keep it once that is sent, or never will be.
# A worker whose claim ran out changes nothing: the attempt number is then another's.
RECORD = """
UPDATE email SET state = fresh.state, next_attempt_at = coalesce(fresh.next_attempt_at, email.next_attempt_at),
                 data = CASE WHEN fresh.state = 'queued' THEN data ELSE data - 'sealed' END,
                 last_error = fresh.error, sent_at = CASE WHEN fresh.state = 'sent' THEN $6::timestamptz END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::text[])
     AS fresh (id, attempt, state, next_attempt_at, error)
WHERE email.id = fresh.id AND email.state = 'sending' AND email.attempts = fresh.attempt
RETURNING email.id, user_id, template, email.state, last_error, cause, correlation_id, traceparent, tracestate
"""


async def record_mail(tx: Transaction, outcomes: Sequence[tuple[Mail, Outcome]]) -> None:
    """Sent and failed mails are published as caused by the event that asked for them."""
    now = clock.now()
    rows = [(mail.id, mail.attempt, *_next(mail, outcome, now)) for mail, outcome in outcomes]
    columns = (list(column) for column in zip(*rows, strict=True))
    for row in await tx.sql.fetch(RECORD, *columns, now):
        if row["state"] in ("sent", "failed"):
            origin = Origin(row["correlation_id"], str(row["cause"]), row["traceparent"], row["tracestate"])
            with use_origin(origin):
                tx.publish(_fact(row))


def _next(mail: Mail, outcome: Outcome, now: datetime) -> tuple[str, datetime | None, str | None]:
    """The mail's next state, when it is due again, and what went wrong."""
    match outcome:
        case Sent():
            return "sent", None, None
        case Refused(reason):
            return "failed", None, reason
        case Deferred(reason):
            pause = pause_after(mail.attempt)
            return ("queued", now + pause, reason) if pause else ("failed", None, f"{SPENT}: {reason}")


def _fact(row: Mapping[str, Any]) -> EmailSent | EmailFailed:
    if row["state"] == "sent":
        return EmailSent(email_id=row["id"], user_id=row["user_id"], template=row["template"])
    return EmailFailed(
        email_id=row["id"], user_id=row["user_id"], template=row["template"], reason=row["last_error"] or ""
    )
