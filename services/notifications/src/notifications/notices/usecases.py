"""Telling people about events."""

from collections.abc import Sequence

from common.contracts.event import Event
from common.persistence.transaction import Transaction
from notifications.contacts.usecases import without_erased
from notifications.emails.domain import NewEmail
from notifications.emails.usecases import queue_emails
from notifications.inbox.domain import NewNotification
from notifications.inbox.usecases import create_notifications
from notifications.notices.domain import NOTICES, Notice


async def announce(tx: Transaction, events: Sequence[Event]) -> None:
    """Write the e-mails and notifications of received events, in one statement each; none for erased people."""
    notices = [(event, NOTICES[type(event)](event)) for event in events]
    people = await without_erased(tx, {notice.user_id for _, notice in notices})
    wanted = [(event, notice) for event, notice in notices if notice.user_id in people]
    await queue_emails(tx, [_email(event, notice) for event, notice in wanted if notice.template])
    await create_notifications(tx, [_notification(event, notice) for event, notice in wanted if notice.title])


def _email(event: Event, notice: Notice) -> NewEmail:
    return NewEmail(event, notice.user_id, notice.template, notice.email_data)


def _notification(event: Event, notice: Notice) -> NewNotification:
    return NewNotification(event, notice.user_id, notice.topic, notice.title, notice.body, notice.data)
