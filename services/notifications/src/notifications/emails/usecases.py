"""Queueing e-mails and recording the outcomes of attempts to send them."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common import clock
from common.context import Origin, use_origin
from common.contracts.notifications import EmailFailed, EmailSent
from common.ids import new_id
from common.persistence.transaction import Transaction
from notifications.contacts.usecases import known_people
from notifications.emails import store
from notifications.emails.domain import Deferred, Email, NewEmail, Outcome, Rejected, Sent, pause_after


async def queue_emails(tx: Transaction, emails: Sequence[NewEmail]) -> None:
    """Queue the e-mails in one statement; those to people without a contact wait for it."""
    if not emails:
        return
    known = await known_people(tx, {email.user_id for email in emails})
    await store.insert_emails(tx, [_row(tx, email, known) for email in emails], clock.now())


async def release_emails(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Queue the e-mails that waited for these people's contacts."""
    await store.release_waiting(tx, user_ids, clock.now())


async def record_outcomes(tx: Transaction, outcomes: Sequence[tuple[Email, Outcome]]) -> None:
    """Record the outcomes; publish sent and failed e-mails as caused by the event that led to them."""
    now = clock.now()
    rows = [(email.id, email.attempt, *_next_state(email, outcome, now)) for email, outcome in outcomes]
    for row in await store.record_results(tx, rows, now):
        if row["state"] in ("sent", "failed"):
            origin = Origin(row["correlation_id"], str(row["cause"]), row["traceparent"], row["tracestate"])
            with use_origin(origin):
                tx.publish(_event(row))


def _row(tx: Transaction, email: NewEmail, known: Collection[UUID]) -> tuple[object, ...]:
    cause = tx.cloud_event_of(email.cause)
    return (
        new_id(),
        email.user_id,
        email.template,
        json.dumps(email.data),
        "queued" if email.user_id in known else "waiting_contact",
        cause.id,
        cause.correlation_id,
        cause.traceparent,
        cause.tracestate,
    )


def _next_state(email: Email, outcome: Outcome, now: datetime) -> tuple[str, datetime | None, str | None]:
    """The e-mail's next state, the time of its next attempt, and the error."""
    match outcome:
        case Sent():
            return "sent", None, None
        case Rejected(reason):
            return "failed", None, reason
        case Deferred(reason):
            pause = pause_after(email.attempt)
            return ("queued", now + pause, reason) if pause else ("failed", None, f"no attempt is left: {reason}")


def _event(row: Mapping[str, Any]) -> EmailSent | EmailFailed:
    if row["state"] == "sent":
        return EmailSent(email_id=row["id"], user_id=row["user_id"], template=row["template"])
    return EmailFailed(
        email_id=row["id"], user_id=row["user_id"], template=row["template"], reason=row["last_error"] or ""
    )
