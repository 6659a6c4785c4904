"""Composition root."""

from pathlib import Path

from common.contracts.auth import UserRegistered
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.security.encryption import Seal
from common.web.service import Service
from notifications.contacts.subscribers import Subscribers as ContactSubscribers
from notifications.contacts.subscribers import UserEvents
from notifications.emails import api as emails
from notifications.emails.jobs import email_sender
from notifications.emails.providers.email_renderer import EmailRenderer
from notifications.emails.providers.mailbox import Mailbox
from notifications.emails.providers.smtp import Smtp, SmtpServer
from notifications.emails.providers.transport import EmailTransport
from notifications.emails.usecases import release_emails
from notifications.inbox import api as inbox
from notifications.notices.subscribers import Subscribers as NoticeSubscribers
from notifications.notices.usecases import announce
from notifications.personal_data import subscribers as personal_data
from notifications.settings import Settings


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    renderer = EmailRenderer(settings.mail_from, Seal(settings.mail_secret.get_secret_value()))
    sender = email_sender(database, renderer, _transport(settings))

    async def on_contacts_stored(tx: Transaction, events: UserEvents) -> None:
        await release_emails(tx, [event.user_id for event in events])
        if registered := [event for event in events if isinstance(event, UserRegistered)]:
            await announce(tx, registered)
        tx.after_commit(sender.job.wake)

    return Service(
        name="notifications",
        settings=settings,
        database=database,
        routers=[inbox.router, emails.router],
        subscribers=[ContactSubscribers(on_contacts_stored), NoticeSubscribers(sender.job.wake), personal_data],
        jobs=[sender.job],
        resources=[sender],
        folders=[Path(settings.data_dir) / "mail"] if settings.mail_backend == "mailbox" else [],
    )


def _transport(settings: Settings) -> EmailTransport:
    if settings.mail_backend == "mailbox":
        return Mailbox(Path(settings.data_dir) / "mail")
    return Smtp(
        SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            security=settings.smtp_security,
            timeout=settings.smtp_timeout,
        )
    )
